export const SERVER_FILE = "server.xml";
