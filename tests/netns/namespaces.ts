export * from "../../src/netns/namespaces.ts";
