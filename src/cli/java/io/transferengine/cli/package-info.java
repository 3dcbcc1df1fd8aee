// SPDX-License-Identifier: Apache-2.0
/**
 * The command {@code ./te}: demo, bench, doctor, topology. It is the only package that prints.
 *
 * <p>demo and bench need a second process. {@link io.transferengine.cli.TargetProcess} starts it
 * with the same Java and class path; there, {@link io.transferengine.cli.TargetAgent} holds memory
 * and answers requests of one line each, which {@link io.transferengine.cli.TargetLink} sends.
 */
package io.transferengine.cli;
