// SPDX-License-Identifier: Apache-2.0
/**
 * The second process. {@link io.transferengine.cli.target.TargetProcess} starts it with the same
 * Java and class path. In it, {@link io.transferengine.cli.target.TargetAgent} holds memory and
 * answers the one-line requests of {@link io.transferengine.cli.target.TargetLink}.
 */
package io.transferengine.cli.target;
