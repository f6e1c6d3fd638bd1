;; Sum of the bytes [at, at + bytes) of the memory, which are zeros up to the next multiple of 64: two counters in each of
;; four lanes of words, as Fletcher's, put together by odd factors. `sumModule.ts` has it compiled.
(module
  (memory (export "memory") 5)
  (func (export "sum") (param $at i32) (param $bytes i32) (result f64)
    (local $end i32) (local $first v128) (local $second v128)
    (local.set $end (i32.add (local.get $at) (local.get $bytes)))
    (local.set $first (i32x4.splat (local.get $bytes)))
    (block $done
      (loop $next
        (br_if $done (i32.ge_u (local.get $at) (local.get $end)))
        (local.set $first (i32x4.add (local.get $first) (v128.load (local.get $at))))
        (local.set $second (i32x4.add (local.get $second) (local.get $first)))
        (local.set $first (i32x4.add (local.get $first) (v128.load offset=16 (local.get $at))))
        (local.set $second (i32x4.add (local.get $second) (local.get $first)))
        (local.set $first (i32x4.add (local.get $first) (v128.load offset=32 (local.get $at))))
        (local.set $second (i32x4.add (local.get $second) (local.get $first)))
        (local.set $first (i32x4.add (local.get $first) (v128.load offset=48 (local.get $at))))
        (local.set $second (i32x4.add (local.get $second) (local.get $first)))
        (local.set $at (i32.add (local.get $at) (i32.const 64)))
        (br $next)))
    ;; The first counter in the upper 32 of 53 bits, the second in the 21 below.
    (f64.add
      (f64.mul (f64.convert_i32_u (call $join (local.get $first))) (f64.const 2097152))
      (f64.convert_i32_u (i32.and (call $join (local.get $second)) (i32.const 2097151)))))
  (func $join (param $lanes v128) (result i32)
    (local.set $lanes (i32x4.mul (local.get $lanes) (v128.const i32x4 1 3 5 7)))
    (i32.add
      (i32.add (i32x4.extract_lane 0 (local.get $lanes)) (i32x4.extract_lane 1 (local.get $lanes)))
      (i32.add (i32x4.extract_lane 2 (local.get $lanes)) (i32x4.extract_lane 3 (local.get $lanes))))))
