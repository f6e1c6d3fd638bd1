import { PRODUCT_VERSION } from "@basalt/types";
import { renderOpenApi } from "./openApi.ts";
import { PUBLIC_ROUTES } from "./routeTable.ts";

/** docs/reference/openapi.json: what the manager port offers. */
export const renderApiReference = (): string =>
  renderOpenApi(
    PUBLIC_ROUTES.filter(({ channel }) => channel === "any"),
    PRODUCT_VERSION,
  );
