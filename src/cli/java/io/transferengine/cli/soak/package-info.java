// SPDX-License-Identifier: Apache-2.0
/**
 * {@code soak}: processes move bytes under random faults, and an independent checker knows each
 * byte that may change. The tests run the same rounds.
 *
 * <p>{@link io.transferengine.cli.soak.Group} is some processes ({@link
 * io.transferengine.cli.soak.Member}, in which {@link io.transferengine.cli.soak.SoakAgent} runs)
 * behind relays. A {@link io.transferengine.cli.soak.Round} is one fault.
 */
package io.transferengine.cli.soak;
