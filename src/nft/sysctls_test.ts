import assert from "node:assert/strict";
import { filterOfAll, type MediaLink, neededSettings } from "./sysctls.ts";

Deno.test("neededSettings() asks for a filter that lets rewritten packets pass", () => {
  const numbered = { name: "eth0", hasAddress: true };
  const bare = { name: "eth0", hasAddress: false };
  const cases: readonly (readonly [MediaLink, own: string, all: string, needed: string])[] = [
    [numbered, "0", "0", "0"],
    [numbered, "1", "0", "2"],
    [numbered, "2", "1", "2"],
    [numbered, "0", "1", "2"],
    [numbered, "0", "2", "0"],
    [bare, "0", "0", "0"],
    [bare, "1", "0", "0"],
    [bare, "2", "0", "0"],
    [bare, "1", "1", "2"],
    [bare, "2", "2", "2"],
    [{ ...numbered, isFilterDue: true }, "0", "0", "2"],
    [{ ...bare, isFilterDue: true }, "0", "0", "0"],
  ];
  for (const [link, own, all, needed] of cases) {
    const settings = neededSettings(link, (key) => key === "all.rp_filter" ? all : own);
    assert.equal(new Map(settings).get("eth0.rp_filter"), needed, JSON.stringify([link, own, all]));
  }
});

Deno.test("filterOfAll() names a filter of all only where an interface has no address", () => {
  const [one, two] = [{ name: "eth0", hasAddress: true }, { name: "eth1", hasAddress: false }];
  const cases: readonly (readonly [readonly MediaLink[], all: string, says: RegExp | null])[] = [
    [[one], "1", null],
    [[one, two], "0", null],
    [[one, two], "2", /^net\.ipv4\.conf\.all\.rp_filter is 2 but has to be 0: .* on eth1, where/],
    [[two], "1", /is 1/],
  ];
  for (const [links, all, says] of cases) {
    const found = filterOfAll(links, () => all);
    assert.equal(found !== null, says !== null, JSON.stringify([links, all]));
    if (says) assert.match(found?.text ?? "", says);
  }
});
