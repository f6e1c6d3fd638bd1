import { join, resolve } from "node:path";
import { controlSocketPath } from "@basalt/management/socket-path";

const DEFAULT_HOME = "/usr/local/basalt";

/** Where everything of an instance is. */
export interface Home {
  readonly path: string;
  readonly infoLog: string;
  /** Output of the launcher and the primary. */
  readonly launcherLog: string;
  readonly runFolder: string;
  readonly launcherPidFile: string;
  readonly primaryPidFile: string;
  readonly controlSocket: string;
}

/** Of the launcher and of all processes below it: compiled code is kept in the home folder, so that they serve sooner. */
export const processEnvironment = ({ path, runFolder }: Home): NodeJS.ProcessEnv => ({
  ...process.env,
  BASALT_HOME: path,
  NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE ?? join(runFolder, "compile-cache"),
});

export const findHome = (option: string | undefined, environment: string | undefined): Home => {
  const path = resolve(option ?? (environment === undefined || environment === "" ? DEFAULT_HOME : environment));
  return {
    path,
    infoLog: join(path, "log", "info.log"),
    launcherLog: join(path, "log", "launcher.log"),
    runFolder: join(path, "run"),
    launcherPidFile: join(path, "run", "basalt.pid"),
    primaryPidFile: join(path, "run", "primary.pid"),
    controlSocket: controlSocketPath(path),
  };
};
