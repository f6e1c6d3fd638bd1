import { findHome } from "./home.ts";
import { launch } from "./launch.ts";

process.exitCode = await launch(findHome(undefined, process.env.BASALT_HOME));
