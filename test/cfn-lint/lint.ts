/** cfn-lint, AWS's own linter of CloudFormation templates: rules that neither CDK nor cdk-nag has, written by somebody else. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { installPackages } from '../../local/emulators/index.ts';

const CFN_LINT = {
  name: 'cfn-lint',
  title: 'cfn-lint',
  download: 'cfn-lint 1.58.0 and what it needs, about 20 MB',
  requirements: join(import.meta.dirname, 'requirements.txt'),
};

/** Rules that aren't asked, with the reason. */
const LEFT_OUT: Readonly<Record<string, string>> = {
  W3005: 'a DependsOn that GetAtt makes needless: CDK writes it for each role, and it changes nothing',
};

export interface LintFinding {
  readonly rule: string;
  readonly message: string;
  /** Logical id and property, where it is about one. */
  readonly path: string;
}

interface Match {
  readonly Rule: { readonly Id: string };
  readonly Message: string;
  readonly Location?: { readonly Path?: readonly (string | number)[] };
}

/** What its console script does. */
const ENTRY = 'from cfnlint.runner import main; main()';
const LIMIT_MS = 500_000;
/** cfn-lint's exit codes are a sum of bits for findings of each severity; above them it failed itself ("Exit Codes", cfn-lint's README). */
const MOST_OF_FINDINGS = 14;

/**
 * Every error and warning in the templates.
 * @throws EnvironmentMissing when it can't be installed; Error with what it said when it fails.
 */
export async function lint(
  templates: readonly string[],
  report: (line: string) => void = () => {},
): Promise<LintFinding[]> {
  const { python, sitePackages } = await installPackages(CFN_LINT, { report });
  const ignored = Object.keys(LEFT_OUT).flatMap((rule) => ['--ignore-checks', rule]);
  const args = ['-c', ENTRY, '--format', 'json', ...ignored, '--', ...templates];
  const output = await new Promise<string>((resolve, reject) => {
    const env = { ...process.env, PYTHONPATH: sitePackages, PYTHONNOUSERSITE: '1' };
    execFile(python, args, { env, timeout: LIMIT_MS, maxBuffer: 64_000_000 }, (error, stdout, stderr) => {
      const code = typeof error?.code === 'number' ? error.code : 0;
      if (error && (code === 0 || code > MOST_OF_FINDINGS || stdout === ''))
        reject(new Error(`cfn-lint failed: ${stderr.trim() || error.message}`, { cause: error }));
      else resolve(stdout);
    });
  });
  return (JSON.parse(output) as readonly Match[]).map(({ Rule, Message, Location }) => ({
    rule: Rule.Id,
    message: Message,
    path: (Location?.Path ?? []).join('/'),
  }));
}
