// SPDX-License-Identifier: Apache-2.0
package io.transferengine.engine;

import io.transferengine.metrics.recording.EngineMetrics;
import io.transferengine.wire.NotifyMessage;
import java.util.Optional;
import java.util.concurrent.Executor;
import java.util.function.BiConsumer;

/** The transfers of an engine that there is nothing else of. */
final class TestTransfers {
  private static final int TIMEOUT_SECONDS = 30;

  private TestTransfers() {}

  /** {@return transfers whose futures complete on {@code threads}, and that notify nobody} */
  static ActiveTransfers of(LocalMemory memory, SegmentCache segments, Executor threads) {
    return of(
        memory,
        segments,
        new EngineMetrics(),
        Optional.empty(),
        threads,
        (name, notification) -> {});
  }

  static ActiveTransfers of(
      LocalMemory memory,
      SegmentCache segments,
      EngineMetrics metrics,
      Optional<Executor> executor,
      Executor threads,
      BiConsumer<String, NotifyMessage> notifier) {
    return of(memory, segments, metrics, executor, threads, notifier, FirstLook.NONE);
  }

  static ActiveTransfers of(
      LocalMemory memory,
      SegmentCache segments,
      EngineMetrics metrics,
      Optional<Executor> executor,
      Executor threads,
      BiConsumer<String, NotifyMessage> notifier,
      FirstLook firstLook) {
    return new ActiveTransfers(
        memory,
        segments,
        metrics,
        executor,
        threads,
        TIMEOUT_SECONDS,
        -1,
        name -> {},
        notifier,
        new TransferEvents(new EngineMetrics().events(), 0),
        firstLook);
  }
}
