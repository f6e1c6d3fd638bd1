import { unreachable } from "@basalt/types";
import type { BinaryOperator, Expression, ScalarFunction, Value } from "./contract.ts";

export interface Row {
  /** Undefined where it has none of that name. */
  get(name: string): Value;
}

const NUMBER = /^\s*[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,3})?\s*$/;

/** Longer texts of digits are ids, which a number would not hold exactly. */
const MOST_NUMBER_CHARACTERS = 16;

/** Undefined for what is no number. */
export const numberOf = (value: Value): number | undefined => {
  if (typeof value === "number") return Number.isFinite(value) ? value : undefined;
  if (typeof value !== "string" || value.length > MOST_NUMBER_CHARACTERS) return undefined;
  return NUMBER.test(value) ? Number(value) : undefined;
};

export const textOf = (value: Value): string => (value === undefined ? "" : String(value));

export const isTrue = (value: Value): boolean => value === true || value === "true";

/** Numbers by their size where both are some, other values as text; what is absent comes first. */
export const compareValues = (one: Value, other: Value): number => {
  if (one === undefined || other === undefined) return Number(one !== undefined) - Number(other !== undefined);
  const left = numberOf(one);
  const right = numberOf(other);
  if (left !== undefined && right !== undefined) return left - right;
  const leftText = textOf(one);
  const rightText = textOf(other);
  return leftText < rightText ? -1 : leftText > rightText ? 1 : 0;
};

const compare = (operator: BinaryOperator, left: Value, right: Value): boolean => {
  if (left === undefined || right === undefined) return operator === "!=" && left !== right;
  const order = compareValues(left, right);
  switch (operator) {
    case "=":
      return order === 0;
    case "!=":
      return order !== 0;
    case "<":
      return order < 0;
    case "<=":
      return order <= 0;
    case ">":
      return order > 0;
    default:
      return order >= 0;
  }
};

const calculate = (operator: BinaryOperator, left: number, right: number): number => {
  switch (operator) {
    case "+":
      return left + right;
    case "-":
      return left - right;
    case "*":
      return left * right;
    case "/":
      return left / right;
    default:
      return left % right;
  }
};

const onNumber = (value: Value, calculateOf: (value: number) => number): Value => {
  const number = numberOf(value);
  return number === undefined ? undefined : calculateOf(number);
};

const onText = (value: Value, made: (text: string) => Value): Value =>
  value === undefined ? undefined : made(textOf(value));

const call = (name: ScalarFunction, values: readonly Value[]): Value => {
  const [value] = values;
  switch (name) {
    case "abs":
      return onNumber(value, Math.abs);
    case "ceil":
      return onNumber(value, Math.ceil);
    case "floor":
      return onNumber(value, Math.floor);
    case "strlen":
      return onText(value, (text) => text.length);
    case "tolower":
      return onText(value, (text) => text.toLowerCase());
    case "toupper":
      return onText(value, (text) => text.toUpperCase());
    case "trim":
      return onText(value, (text) => text.trim());
    case "coalesce":
      return values.find((one) => one !== undefined);
    case "ispresent":
      return value !== undefined;
    case "tonumber":
      return numberOf(value);
    default:
      return unreachable(name);
  }
};

const binary = (operator: BinaryOperator, left: Expression, right: Expression, row: Row): Value => {
  switch (operator) {
    case "and":
      return isTrue(evaluate(left, row)) && isTrue(evaluate(right, row));
    case "or":
      return isTrue(evaluate(left, row)) || isTrue(evaluate(right, row));
    case "+":
    case "-":
    case "*":
    case "/":
    case "%": {
      const one = numberOf(evaluate(left, row));
      const other = numberOf(evaluate(right, row));
      if (one === undefined || other === undefined) return undefined;
      const result = calculate(operator, one, other);
      return Number.isFinite(result) ? result : undefined;
    }
    default:
      return compare(operator, evaluate(left, row), evaluate(right, row));
  }
};

export const evaluate = (expression: Expression, row: Row): Value => {
  switch (expression.kind) {
    case "literal":
      return expression.value;
    case "field":
      return row.get(expression.name);
    case "not":
      return !isTrue(evaluate(expression.of, row));
    case "minus":
      return onNumber(evaluate(expression.of, row), (number) => -number);
    case "binary":
      return binary(expression.operator, expression.left, expression.right, row);
    case "like": {
      const { wanted } = expression;
      const value = evaluate(expression.of, row);
      if (value === undefined) return false;
      return typeof wanted === "string" ? textOf(value).includes(wanted) : wanted.test(textOf(value));
    }
    case "in": {
      const value = evaluate(expression.of, row);
      return expression.list.some((one) => compare("=", value, evaluate(one, row)));
    }
    case "call":
      return call(
        expression.name,
        expression.parts.map((part) => evaluate(part, row)),
      );
    case "bin":
      return onNumber(evaluate(expression.of, row), (ms) => Math.floor(ms / expression.widthMs) * expression.widthMs);
    default:
      return unreachable(expression);
  }
};
