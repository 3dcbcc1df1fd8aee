// SPDX-License-Identifier: Apache-2.0
package io.transferengine.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.platform.engine.discovery.DiscoverySelectors.selectClass;

import io.transferengine.testkit.Mapped;
import io.transferengine.transfer.BlockColumns;
import io.transferengine.transfer.Operation;
import io.transferengine.transfer.TransferRequest;
import io.transferengine.transfer.TransferState;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.platform.launcher.core.LauncherDiscoveryRequestBuilder;
import org.junit.platform.launcher.core.LauncherFactory;
import org.junit.platform.launcher.listeners.SummaryGeneratingListener;
import org.junit.platform.launcher.listeners.TestExecutionSummary;

/**
 * A test that finds nothing wrong fails all the same when a transfer had to be ended by force:
 * JUnit itself is asked, with the extensions that it finds.
 */
@Timeout(60)
class ForcedEndTest {
  private static boolean byForce;

  /** Run by the test below alone: by its name it is no test class for anybody else. */
  static class Example {
    @Test
    void findsNothingWrong() throws InterruptedException {
      try (Mapped mine = Mapped.of(4096)) {
        HeldTransport transport = new HeldTransport();
        LocalMemory memory = new LocalMemory(1 << 20, new IdleUsers());
        var _ = memory.register(mine.address(), mine.length(), "*");
        SegmentCache segments =
            new SegmentCache((name, timeout) -> transport.segment(name), Runnable::run, false);
        ActiveTransfers active = TestTransfers.of(memory, segments, Runnable::run);
        TransferHandle handle =
            active.submit(
                TransferRequest.of(
                    Operation.WRITE,
                    "127.0.0.1:1",
                    BlockColumns.of(mine.address(), 4096, mine.length())));
        if (byForce) {
          active.lastResort().abandon(handle);
        } else {
          handle.cancel();
        }
        assertThat(handle.await(Duration.ofSeconds(10)))
            .isEqualTo(byForce ? TransferState.FAILED : TransferState.CANCELED);
      }
    }
  }

  private static TestExecutionSummary run() {
    SummaryGeneratingListener listener = new SummaryGeneratingListener();
    LauncherFactory.create()
        .execute(
            LauncherDiscoveryRequestBuilder.request().selectors(selectClass(Example.class)).build(),
            listener);
    return listener.getSummary();
  }

  @Test
  void aTransferThatWasEndedByForceFailsTheTest() {
    byForce = false;
    assertThat(run().getTestsSucceededCount()).isEqualTo(1);
    byForce = true;
    TestExecutionSummary summary = run();
    assertThat(summary.getTestsFailedCount()).isEqualTo(1);
    assertThat(summary.getFailures())
        .singleElement()
        .satisfies(
            failure ->
                assertThat(failure.getException())
                    .isInstanceOf(AssertionError.class)
                    .hasMessageContaining("had to be ended by force, here 1 times"));
    byForce = false;
    assertThat(run().getTestsSucceededCount()).isEqualTo(1);
  }
}
