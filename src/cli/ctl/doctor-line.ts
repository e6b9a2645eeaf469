/** Lines of `pmakectl doctor`: from what the admission rules say, and from figures. */
import { clockSkewMs, describeSkew, type Refusal } from '../../admission/admission-rules.ts';
import type { ClockFacts } from '../../protocol/inspection.ts';
import type { DoctorCheck, DoctorLevel, DoctorLine } from '../../report/doctor-text.ts';

export function line(level: DoctorLevel, check: DoctorCheck, text: string, remedy = ''): DoctorLine {
  return { level, check, text, remedy };
}

/** The refusal's sentence, which says what to do, or what is well. */
export function judged(check: DoctorCheck, refusal: Refusal | undefined, well: string): DoctorLine {
  return refusal ? line('fail', check, refusal.sentence) : line('ok', check, well);
}

/** Less is the time that it takes to ask. */
const CLOCK_NOISE_MS = 50;

export function describeClock(whose: string, clock: ClockFacts): string {
  const skewMs = clockSkewMs(clock);
  if (Math.abs(skewMs) < CLOCK_NOISE_MS) return `${whose} clock agrees with the file server's`;
  return `${whose} clock is ${describeSkew(skewMs)} the file server's`;
}
