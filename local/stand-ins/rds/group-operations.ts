/** RDS's operations on parameter groups and past events (Amazon RDS API Reference, 2014-10-31). */
import { AwsFault } from '../../world/types.ts';
import { describeGroup, describeParameters, FAMILY, groupOf, keyOf } from './model.ts';
import type { Operation } from './operations.ts';
import { checkModification } from './parameters.ts';
import { type Form, list } from './xml.ts';

const groupName = (form: Form): string => {
  const name = form.text('DBParameterGroupName');
  if (!name)
    throw new AwsFault(
      'InvalidParameterValue',
      'The parameter DBParameterGroupName must be provided and must not be blank.',
    );
  return name;
};

const createDBParameterGroup: Operation = ({ state, region, form }) => {
  const name = groupName(form);
  const family = form.text('DBParameterGroupFamily');
  if (family !== FAMILY)
    throw new AwsFault('InvalidParameterValue', `ParameterGroupFamily ${family}: the local world has ${FAMILY} only`);
  if (state.groups.has(keyOf(region, name)))
    throw new AwsFault('DBParameterGroupAlreadyExists', `Parameter group ${name} already exists`);
  const group = {
    name,
    region,
    family,
    description: form.text('Description') ?? '',
    values: new Map<string, string>(),
  };
  state.groups.set(keyOf(region, name), group);
  return { DBParameterGroup: describeGroup(group, state.accountId) };
};

const modifyDBParameterGroup: Operation = async ({ state, lifecycle, region, form }) => {
  const group = groupOf(state, region, groupName(form));
  if (group.name.startsWith('default.'))
    throw new AwsFault('InvalidParameterValue', 'Default DBParameterGroup cannot be modified');
  const changes = form.list('Parameters.Parameter').map((change) => {
    const value = change.text('ParameterValue') ?? '';
    return {
      value,
      known: checkModification(change.text('ParameterName') ?? '', value, change.text('ApplyMethod') ?? ''),
    };
  });
  const anyStatic = changes.some(({ known }) => known.applyType === 'static');
  for (const { known, value } of changes) group.values.set(known.name, value);
  for (const instance of state.instances.values()) {
    if (instance.group !== group) continue;
    instance.pendingReboot ||= anyStatic;
    await lifecycle.parametersChanged(instance);
  }
  return { DBParameterGroupName: group.name };
};

const describeDBParameterGroups: Operation = ({ state, region, form }) => {
  const name = form.text('DBParameterGroupName');
  const groups = name
    ? [groupOf(state, region, name)]
    : [...state.groups.values()].filter((group) => group.region === region);
  return {
    DBParameterGroups: list(
      'DBParameterGroup',
      groups.map((group) => describeGroup(group, state.accountId)),
    ),
  };
};

const describeDBParameters: Operation = ({ state, region, form }) => ({
  Parameters: describeParameters(groupOf(state, region, groupName(form)), form.text('Source')),
});

/** By default the events of the last hour, as on AWS. `Duration` is in minutes. */
const describeEvents: Operation = ({ state, region, form }) => {
  const source = form.text('SourceIdentifier');
  const sourceType = form.text('SourceType');
  const startTime = form.text('StartTime');
  const from = startTime ? Date.parse(startTime) : Date.now() - (form.number('Duration') ?? 60) * 60_000;
  const to = Date.parse(form.text('EndTime') ?? '') || Date.now();
  const categories = form.texts('EventCategories.EventCategory');
  const found = state.events.filter(
    (event) =>
      event.region === region &&
      (sourceType === undefined || event.sourceType === sourceType) &&
      (source === undefined || event.sourceIdentifier === source) &&
      (categories.length === 0 || categories.includes(event.category)) &&
      event.at.getTime() >= from &&
      event.at.getTime() <= to,
  );
  return {
    Events: list(
      'Event',
      found.map((event) => ({
        SourceIdentifier: event.sourceIdentifier,
        SourceType: event.sourceType,
        Message: event.message,
        EventCategories: list('EventCategory', [event.category]),
        Date: event.at,
        SourceArn: event.sourceArn,
      })),
    ),
  };
};

export const groupOperations: Readonly<Record<string, Operation>> = {
  CreateDBParameterGroup: createDBParameterGroup,
  ModifyDBParameterGroup: modifyDBParameterGroup,
  DescribeDBParameterGroups: describeDBParameterGroups,
  DescribeDBParameters: describeDBParameters,
  DescribeEvents: describeEvents,
};
