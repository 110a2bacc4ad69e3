/** The folder that a file is in; `.` for a name alone. (Node's module of paths takes long to load.) */
export function folderOf(path: string): string {
  const slash = path.lastIndexOf("/");
  return slash < 0 ? "." : path.slice(0, slash) || "/";
}

/** A file named in a file of `folder`. */
export function besideIn(folder: string, name: string): string {
  return name.startsWith("/") ? name : `${folder}/${name}`;
}
