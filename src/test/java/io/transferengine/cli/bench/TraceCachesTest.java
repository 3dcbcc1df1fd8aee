// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.transferengine.cli.console.CommandException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class TraceCachesTest {
  private static final long SECOND = 1000;

  /** Generates for two seconds. */
  private static TraceRequest at(long millis) {
    return new TraceRequest(millis, 512, 100, 0);
  }

  private static TraceCaches.Placement serve(TraceCaches caches, long millis, long... keys)
      throws InterruptedException {
    TraceCaches.Placement placement = caches.place(at(millis), keys);
    caches.moved(at(millis), placement);
    return placement;
  }

  @Test
  void theSourceSharesPrefixesAndTheSinkDoesNot() throws InterruptedException {
    TraceCaches caches = new TraceCaches(8);
    TraceCaches.Placement first = serve(caches, 0, 1, 2, 3);
    TraceCaches.Placement second = serve(caches, 0, 1, 2, 4);

    assertThat(first.fresh()).isEqualTo(first.source());
    assertThat(second.source()).startsWith(first.source()[0], first.source()[1]);
    assertThat(second.fresh()).containsExactly(second.source()[2]);
    assertThat(second.sink()).doesNotContain(first.sink());
    assertThat(caches.hitShare(6)).isEqualTo(2 / 6.0);
    assertThat(caches.held()).containsExactlyInAnyOrder(first, second);
  }

  @Test
  void theSinkHoldsPagesForAsLongAsItGenerates() throws InterruptedException {
    TraceCaches caches = new TraceCaches(6);
    TraceCaches.Placement first = serve(caches, 0, 1, 2);
    TraceCaches.Placement second = serve(caches, SECOND, 1, 2);
    assertThat(caches.held()).containsExactlyInAnyOrder(first, second);

    TraceCaches.Placement third = serve(caches, 2 * SECOND, 1, 2);

    assertThat(caches.held()).containsExactlyInAnyOrder(second, third);
  }

  @Test
  void aFullSinkEndsWhatWouldEndFirst() throws InterruptedException {
    TraceCaches caches = new TraceCaches(4);
    serve(caches, 0, 1, 2);
    TraceCaches.Placement second = serve(caches, 1, 1, 2);
    TraceCaches.Placement third = serve(caches, 2, 1, 2);

    assertThat(caches.held()).containsExactlyInAnyOrder(second, third);
  }

  @Test
  void waitsForRequestsUnderWay() throws InterruptedException, ExecutionException {
    TraceCaches caches = new TraceCaches(2);
    TraceCaches.Placement first = caches.place(at(0), new long[] {1, 2});
    CompletableFuture<TraceCaches.Placement> second =
        CompletableFuture.supplyAsync(
            () -> {
              try {
                return caches.place(at(0), new long[] {3, 4});
              } catch (InterruptedException e) {
                throw new IllegalStateException(e);
              }
            });
    assertThat(second).isNotDone();

    caches.moved(at(0), first);

    assertThat(second.get().fresh()).hasSize(2);
  }

  @Test
  void aRequestThatNeverFitsIsRefused() {
    assertThatThrownBy(() -> new TraceCaches(2).place(at(0), new long[] {1, 2, 3}))
        .isInstanceOf(CommandException.class)
        .hasMessageContaining("3 pages does not fit into caches of 2")
        .hasMessageContaining("--memory");
  }
}
