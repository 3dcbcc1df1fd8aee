// SPDX-License-Identifier: Apache-2.0
/**
 * The second process. {@link io.transferengine.cli.target.TargetProcess} starts it with the same
 * Java and class path; there, {@link io.transferengine.cli.target.TargetAgent} holds memory and
 * answers requests of one line each, which {@link io.transferengine.cli.target.TargetLink} sends.
 */
package io.transferengine.cli.target;
