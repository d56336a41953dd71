/**
 * A certificate of our own for `--https`: browsers warn once, and then give the page what only a secure context has.
 * The only file that knows selfsigned.
 */
import { generate } from "selfsigned";

export async function selfSignedCertificate(names: readonly string[]): Promise<{ key: string; cert: string }> {
  const altNames = names.map((name) =>
    /^[\d.]+$/.test(name) ? { type: 7 as const, ip: name } : { type: 2 as const, value: name },
  );
  const made = await generate([{ name: "commonName", value: "tabgrid" }], {
    keySize: 2048,
    extensions: [
      {
        name: "subjectAltName",
        altNames: [...altNames, { type: 2, value: "localhost" }, { type: 7, ip: "127.0.0.1" }],
      },
    ],
  });
  return { key: made.private, cert: made.cert };
}
