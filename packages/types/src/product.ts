/** Name and version as shown in Via, Server, logs and APIs. */
export const PRODUCT_NAME = "Basalt";
export const PRODUCT_VERSION = "0.1.0";
