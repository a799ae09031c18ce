import { describe, expect, it } from '@jest/globals';
import { createCpuModel } from '../../../local/services/cpu-model.ts';

describe('the CPU model', () => {
  it('is idle without requests', () => {
    expect(createCpuModel().busyMs(1_000)).toBe(0);
  });
  it('lets requests queue: each is done when those before it are', () => {
    const cpu = createCpuModel();
    expect([cpu.add(40, 0), cpu.add(40, 10), cpu.add(40, 200)].map((r) => r.doneAtMs)).toEqual([40, 80, 240]);
  });
  it('is busy for the time it worked, not for what still waits', () => {
    const cpu = createCpuModel();
    cpu.add(40, 0);
    cpu.add(40, 0);
    expect([cpu.busyMs(0), cpu.busyMs(30), cpu.busyMs(80), cpu.busyMs(500)]).toEqual([0, 30, 80, 80]);
  });
  it('is at 40 % with 10 requests a second of 40 ms, and full from 25 on', () => {
    const share = (perSecond: number) => {
      const cpu = createCpuModel();
      for (let i = 0; i < perSecond * 10; i += 1) cpu.add(40, (i * 1_000) / perSecond);
      return cpu.busyMs(10_000) / 10_000;
    };
    expect(share(10)).toBeCloseTo(0.4, 5);
    expect(share(25)).toBeCloseTo(1, 2);
    expect(share(60)).toBe(1);
  });
});
