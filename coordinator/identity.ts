/**
 * What makes this coordinator the same one after a restart, besides its journal: its tokens, and the secret it signs
 * tickets and homes with. Kept in a file that only its owner may read.
 */
import { createHmac, randomBytes } from "node:crypto";
import { readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as v from "valibot";
import { makeTokens, type Tokens } from "./tokens.ts";

export interface Identity {
  readonly tokens: Tokens;
  /** Proof that this coordinator has given out `id`. */
  sign(id: string): string;
}

const token = v.pipe(v.string(), v.minLength(16));
const file = v.object({
  tokens: v.object({ join: token, submit: token, observe: token, admin: token }),
  secret: token,
});
type Kept = v.InferOutput<typeof file>;

/** One that ends with this process. */
export function newIdentity(): Identity {
  return identityOf(newKept());
}

/** The one of this folder, made when there is none. Rejects with what is wrong with its file. */
export async function identityIn(folder: string): Promise<Identity> {
  const path = join(folder, "identity.json");
  const found = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
  if (found !== undefined) return identityOf(read(path, found));
  const kept = newKept();
  // Renamed when whole, so that a process killed here leaves no half of it.
  await writeFile(`${path}.new`, JSON.stringify(kept), { mode: 0o600 });
  await rename(`${path}.new`, path);
  return identityOf(kept);
}

function read(path: string, text: string): Kept {
  try {
    return v.parse(file, JSON.parse(text));
  } catch (error) {
    throw new Error(`Cannot read ${path}: it is damaged. Remove it to have new tokens made`, { cause: error });
  }
}

function newKept(): Kept {
  return { tokens: makeTokens(), secret: randomBytes(32).toString("base64url") };
}

function identityOf({ tokens, secret }: Kept): Identity {
  return { tokens, sign: (id) => createHmac("sha256", secret).update(id).digest("base64url") };
}
