// SPDX-License-Identifier: Apache-2.0
/**
 * Fuzzing: inputs that Jazzer makes by watching which branches an input takes, and what must hold
 * for each. A decoder's {@link io.transferengine.fuzz.FuzzTarget} is in the decoder's package;
 * {@link io.transferengine.fuzz.FuzzTargets} lists them. {@link io.transferengine.fuzz.FuzzTest}
 * lets each run for some seconds, {@link io.transferengine.fuzz.FuzzMain} is {@code ./te fuzz}, and
 * {@link io.transferengine.fuzz.FuzzCorpusTest} repeats the inputs that are kept, without Jazzer.
 */
package io.transferengine.fuzz;
