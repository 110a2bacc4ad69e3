/**
 * The built program in a new folder that holds nothing else: it must need nothing beside itself. The
 * folder is removed when the tests of the file end.
 */
export function copyProgram(built = new URL("../../dist/lrkproxy", import.meta.url)): string {
  const folder = Deno.makeTempDirSync({ prefix: "lrk-program-" });
  const program = `${folder}/lrkproxy`;
  Deno.copyFileSync(built, program);
  addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));
  return program;
}
