import { createPrivateKey, createPublicKey, X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { authorityFile, makeCertificates, type ServerCertificate } from '../../../local/stand-ins/rds/certificates.ts';

let dir: string;
let made: ServerCertificate;

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'nightshift-certificates-test-'));
  made = await makeCertificates(dir);
});

afterAll(() => rmSync(dir, { recursive: true }));

describe("a world's certificates", () => {
  it('are signed by the authority in ca.pem, and go with the key', () => {
    const authority = new X509Certificate(readFileSync(authorityFile(dir)));
    const server = new X509Certificate(made.cert);
    expect(authority.ca).toBe(true);
    expect(server.ca).toBe(false);
    expect(server.checkIssued(authority) && server.verify(authority.publicKey)).toBe(true);
    expect(server.checkPrivateKey(createPrivateKey(made.key))).toBe(true);
    expect(createPublicKey(made.ca).equals(authority.publicKey)).toBe(true);
  });

  it('are for this machine only', () => {
    const server = new X509Certificate(made.cert);
    expect(server.checkHost('localhost')).toBe('localhost');
    expect(server.checkIP('127.0.0.1')).toBe('127.0.0.1');
    expect(server.checkHost('example.com')).toBeUndefined();
  });

  it("have an authority of another name than every other world's", async () => {
    const other = await makeCertificates(dir);
    expect(new X509Certificate(other.ca).subject).not.toBe(new X509Certificate(made.ca).subject);
    expect(new X509Certificate(made.cert).checkIssued(new X509Certificate(other.ca))).toBe(false);
  });
});
