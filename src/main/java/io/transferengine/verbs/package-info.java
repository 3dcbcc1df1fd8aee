// SPDX-License-Identifier: Apache-2.0
/**
 * libibverbs with Java's words: devices, queue pairs, registrations and completions as typed
 * objects that close in the right order.
 *
 * <p>Two layers. {@link io.transferengine.verbs.VerbsLibrary} is the seam: one method for each verb
 * that is used, with C's structs as arguments; {@link io.transferengine.verbs.FfmVerbsLibrary}
 * calls the real library, and tests put a simulator there. Above it, {@link
 * io.transferengine.verbs.Context}, {@link io.transferengine.verbs.QueuePair} and the others fill
 * and read the structs, by the offsets of the generated bindings.
 *
 * <p>Control verbs throw {@link io.transferengine.os.NativeCallException}. The data path ({@link
 * io.transferengine.verbs.QueuePair#post}, {@link io.transferengine.verbs.CompletionQueue#poll})
 * reports numbers and allocates nothing.
 */
package io.transferengine.verbs;
