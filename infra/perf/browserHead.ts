/** A browser's request head of about 700 bytes, without the request line and Host, as wrk adds these. */
export const BROWSER_FIELDS: readonly string[] = [
  "Connection: keep-alive",
  'sec-ch-ua: "Chromium";v="140", "Not=A?Brand";v="24", "Harbour";v="140"',
  "sec-ch-ua-mobile: ?0",
  'sec-ch-ua-platform: "Linux"',
  "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36",
  "Accept: image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8",
  "Sec-Fetch-Site: same-origin",
  "Sec-Fetch-Mode: no-cors",
  "Sec-Fetch-Dest: image",
  "Referer: http://rig.example/products/index.html",
  "Accept-Encoding: gzip, deflate, br, zstd",
  "Accept-Language: en-GB,en;q=0.9,de;q=0.7",
  "Cookie: session=5b1f9f0c7a2e4d6c; seen=1; theme=harbour; region=eu; visits=27; basket=rope",
];
