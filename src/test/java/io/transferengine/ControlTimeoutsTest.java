// SPDX-License-Identifier: Apache-2.0
package io.transferengine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.TransferException;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.time.Duration;
import java.util.List;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Calls that ask a peer wait as long as their caller says. */
@Timeout(60)
class ControlTimeoutsTest {
  private static final TransferNotify MESSAGE = new TransferNotify("n", "m");

  /** The calls of the typed API that wait for a peer. */
  enum Call {
    OPEN_SEGMENT,
    WARM_UP,
    PROBE,
    SEND_NOTIFY;

    void on(Engine engine, String peer, Duration timeout) {
      switch (this) {
        case OPEN_SEGMENT -> engine.openSegment(peer, timeout);
        case WARM_UP -> engine.warmUp(peer, timeout);
        case PROBE -> engine.probe(peer, timeout);
        case SEND_NOTIFY -> engine.sendNotify(peer, MESSAGE, timeout);
      }
    }
  }

  /** The default of 3,600 s and the test's own limit show that it is this timeout that ends it. */
  private static TestEngine patient() {
    return new TestEngine(4096, options -> options.transferTimeoutSeconds(3600));
  }

  /** It accepts, since the kernel does, and never answers. */
  private static void withSilentPeer(Consumer<String> test) throws IOException {
    try (ServerSocket silent = new ServerSocket(0, 50, InetAddress.getLoopbackAddress())) {
      test.accept("127.0.0.1:" + silent.getLocalPort());
    }
  }

  @ParameterizedTest
  @EnumSource
  void aSilentPeerIsWaitedForAsLongAsTheCallerSays(Call call) throws IOException {
    try (TestEngine here = patient()) {
      withSilentPeer(
          peer ->
              assertThatThrownBy(() -> call.on(here.engine, peer, Duration.ofMillis(150)))
                  .isInstanceOfSatisfying(
                      TransferException.class,
                      e -> {
                        assertThat(e.code()).isEqualTo(ErrorCode.TIMEOUT);
                        assertThat(e.peer()).contains(peer);
                        assertThat(e).hasMessageContaining("150 ms");
                      }));
    }
  }

  @ParameterizedTest
  @EnumSource
  void aTimeoutIsAboveZero(Call call) {
    try (TestEngine here = patient()) {
      for (Duration wrong : List.of(Duration.ZERO, Duration.ofSeconds(-1))) {
        assertThatThrownBy(() -> call.on(here.engine, here.engine.segmentName(), wrong))
            .isInstanceOfSatisfying(
                TransferException.class,
                e -> assertThat(e.code()).isEqualTo(ErrorCode.INVALID_ARGUMENT))
            .hasMessageContaining(wrong.toString());
      }
    }
  }

  @ParameterizedTest
  @EnumSource
  void theLongestTimeoutIsTaken(Call call) {
    try (TestEngine here = patient();
        TestEngine there = patient()) {
      call.on(here.engine, there.engine.segmentName(), Duration.ofSeconds(Long.MAX_VALUE));
    }
  }

  @Test
  void aRefreshWaitsAsLongAsTheCallerSays() throws IOException {
    try (TestEngine here = patient()) {
      String name;
      Segment segment;
      try (TestEngine there = patient()) {
        name = there.engine.segmentName();
        segment = here.engine.openSegment(name);
        assertThat(segment.refresh(Duration.ofSeconds(20)).buffers()).hasSize(1);
      }
      int port = Integer.parseInt(name.substring(name.indexOf(':') + 1));
      try (ServerSocket silent = new ServerSocket(port, 50, InetAddress.getLoopbackAddress())) {
        assertThat(silent.isBound()).isTrue();
        assertThatThrownBy(() -> segment.refresh(Duration.ofMillis(150)))
            .isInstanceOfSatisfying(
                TransferException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.TIMEOUT));
      }
    }
  }
}
