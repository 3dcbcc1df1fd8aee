// SPDX-License-Identifier: Apache-2.0
/**
 * libibverbs in Java: devices, queue pairs, registrations and completions as typed objects that
 * close in the right order.
 *
 * <p>There are two layers. {@link io.transferengine.verbs.VerbsLibrary} is the seam: one method for
 * each verb that we use, with C's structs as arguments. {@link
 * io.transferengine.verbs.FfmVerbsLibrary} calls the real library; tests replace it by a simulator.
 * Above it, {@link io.transferengine.verbs.Context}, {@link io.transferengine.verbs.QueuePair} and
 * the other classes fill and read the structs, with the offsets of the generated bindings.
 *
 * <p>Control verbs throw {@link io.transferengine.os.NativeCallException}. The data path ({@link
 * io.transferengine.verbs.QueuePair#post}, {@link io.transferengine.verbs.CompletionQueue#poll})
 * returns numbers and allocates nothing.
 */
package io.transferengine.verbs;
