// SPDX-License-Identifier: Apache-2.0
/**
 * Moves bytes between registered memory of processes. It is one-sided: the target's program is not
 * asked.
 *
 * <p>{@link io.transferengine.TransferEngine} has Mooncake's documented methods, with status codes;
 * {@link io.transferengine.Engine} is the typed API under it:
 *
 * <pre>{@code
 * try (Engine engine = Engine.open(EngineConfig.builder("10.0.0.1").build());
 *     Allocation pages = engine.allocate(1 << 20)) {
 *   Segment peer = engine.openSegment("10.0.0.2:15123");
 *   long remote = peer.buffers().getFirst().address();
 *   Transfer transfer = peer.write(pages.segment(), remote);
 *   transfer.toCompletableFuture().join();
 * }
 * }</pre>
 *
 * <p>No method takes or returns {@code null}. A null argument is a {@link NullPointerException}
 * that names it; {@code TransferEngine} returns a status instead. All types are thread-safe unless
 * they say otherwise. Moving memory needs {@code
 * --enable-native-access=io.transferengine,io.netty.common} on the module path, {@code
 * --enable-native-access=ALL-UNNAMED} on the class path.
 */
@NullMarked
package io.transferengine;

import org.jspecify.annotations.NullMarked;
