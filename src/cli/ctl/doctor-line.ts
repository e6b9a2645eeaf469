/** Constructors for findings of `pmakectl doctor`, from the admission rules and from measurements. */
import { clockSkewMs, describeSkew, type Refusal } from '../../admission/admission-rules.ts';
import type { ClockFacts } from '../../protocol/inspection.ts';
import type { DoctorCheck, DoctorLevel, DoctorLine } from '../../report/doctor-text.ts';

/** A finding; `remedy` says what to do about it. */
export function line(level: DoctorLevel, check: DoctorCheck, text: string, remedy = ''): DoctorLine {
  return { level, check, text, remedy };
}

/** A failure with the refusal's sentence, which includes the remedy; without a refusal, `well`. */
export function judged(check: DoctorCheck, refusal: Refusal | undefined, well: string): DoctorLine {
  return refusal ? line('fail', check, refusal.sentence) : line('ok', check, well);
}

/** Smaller differences are within the time of the measurement. */
const CLOCK_NOISE_MS = 50;

/** A sentence that compares a clock with the file server's. */
export function describeClock(whose: string, clock: ClockFacts): string {
  const skewMs = clockSkewMs(clock);
  if (Math.abs(skewMs) < CLOCK_NOISE_MS) return `${whose} clock agrees with the file server's`;
  return `${whose} clock is ${describeSkew(skewMs)} the file server's`;
}
