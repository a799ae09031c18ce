import { describe, expect, it } from '@jest/globals';
import { XMLParser } from 'fast-xml-parser';
import { configurationText } from '../../../local/postgres/server.ts';
import { checkModification, settingsOf } from '../../../local/stand-ins/rds/parameters.ts';
import { Form, list, resultReply } from '../../../local/stand-ins/rds/xml.ts';
import { AwsFault } from '../../../local/world/types.ts';

const call = {
  id: 1,
  service: 'rds',
  region: 'us-east-1',
  operation: 'DescribeThings',
  caller: '',
  accessKeyId: 'AKIA',
  method: 'POST',
  path: '/',
  headers: {},
  body: Buffer.alloc(0),
  params: {},
  protocol: 'query',
  at: new Date(0),
} as const;

describe('form parameters', () => {
  it('are read as lists in the order of their numbers', () => {
    const form = new Form({
      'Tags.Tag.10.Key': 'c',
      'Tags.Tag.2.Key': 'b',
      'Tags.Tag.1.Key': 'a',
      'Tags.Tag.1.Value': 'v',
    });
    expect(form.list('Tags.Tag').map((tag) => [tag.text('Key'), tag.text('Value')])).toEqual([
      ['a', 'v'],
      ['b', undefined],
      ['c', undefined],
    ]);
  });

  it('are read as lists of strings, inside lists', () => {
    const form = new Form({ 'Filters.Filter.1.Name': 'engine', 'Filters.Filter.1.Values.Value.1': 'postgres' });
    expect(form.list('Filters.Filter')[0]?.texts('Values.Value')).toEqual(['postgres']);
  });

  it('tell what is absent from what is false', () => {
    const form = new Form({ A: 'false', B: '0' });
    expect([form.flag('A'), form.flag('None'), form.number('B'), form.number('None')]).toEqual([
      false,
      undefined,
      0,
      undefined,
    ]);
  });
});

describe('XML replies', () => {
  it('carry lists, dates and text that needs escaping, and leave out what is undefined', () => {
    const { body } = resultReply(call, {
      Things: list('Thing', [{ Name: 'a<b>&"', At: new Date(0), None: undefined }, { Name: 'c' }]),
    });
    const parsed = new XMLParser().parse(String(body)).DescribeThingsResponse.DescribeThingsResult;
    expect(parsed).toEqual({ Things: { Thing: [{ Name: 'a<b>&"', At: '1970-01-01T00:00:00.000Z' }, { Name: 'c' }] } });
  });
});

describe('parameters', () => {
  const group = {
    name: 'g',
    region: 'us-east-1',
    family: 'postgres18',
    description: '',
    values: new Map([['max_connections', '17']]),
  };

  it('become settings, over the defaults, without those that are RDS’s own', () => {
    const settings = settingsOf(group, { fsync: true });
    expect(settings).toMatchObject({ fsync: true, max_connections: '17', superuser_reserved_connections: '3' });
    expect(Object.keys(settings).some((name) => name.startsWith('rds.'))).toBe(false);
  });

  it.each([
    ['max_connections', '5', 'pending-reboot', 'InvalidParameterValue'],
    ['max_connections', '', 'pending-reboot', 'InvalidParameterValue'],
    ['max_connections', '7.5', 'pending-reboot', 'InvalidParameterValue'],
    ['max_connections', '100', 'immediate', 'InvalidParameterCombination'],
    ['shared_preload_libraries', 'x', 'pending-reboot', 'InvalidParameterValue'],
  ])('refuse %s = %j with method %s', (name, value, method, code) => {
    expect(() => checkModification(name, value, method)).toThrow(
      expect.objectContaining({ constructor: AwsFault, code }),
    );
  });
});

describe('postgresql.conf', () => {
  it('quotes values so that none becomes another setting', () => {
    expect(configurationText({ archive_command: "cp '%p' \\x", port: 5432, fsync: false })).toBe(
      "archive_command = 'cp ''%p'' \\\\x'\nport = '5432'\nfsync = 'false'\n",
    );
  });

  it.each([[{ 'a b': 1 }], [{ 'a\nb': 1 }], [{ good: 'two\nlines' }]])('refuses %j', (settings) => {
    expect(() => configurationText(settings)).toThrow(/isn't the name|line break/);
  });
});
