// SPDX-License-Identifier: Apache-2.0
package io.transferengine.net;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A client keeps a turn neither by being slow nor by sending without end. */
@Timeout(60)
class TurnInputTest {
  private static final InetAddress CLIENT = InetAddress.ofLiteral("127.0.0.1");
  private static final InetAddress OTHER = InetAddress.ofLiteral("127.0.0.2");
  private static final int FIRST = 0x16;

  private final Turns turns = new Turns(1, () -> {});
  private final byte[] buffer = new byte[16 << 10];

  private static long soon() {
    return System.nanoTime() + TimeUnit.SECONDS.toNanos(20);
  }

  /** {@return whether the turn is free} */
  private boolean isFree() {
    try {
      turns.take(OTHER, System.nanoTime()).end();
      return true;
    } catch (TimeoutException e) {
      return false;
    } catch (InterruptedException e) {
      throw new AssertionError("Nobody knows this thread", e);
    }
  }

  /** What a client sends, which never ends. */
  private final class Client extends InputStream {
    private final boolean isSlow;

    Client(boolean isSlow) {
      this.isSlow = isSlow;
    }

    @Override
    public int read() {
      return 0;
    }

    @Override
    public int read(byte[] to, int offset, int length) {
      assertThat(isFree()).isEqualTo(isSlow);
      return length;
    }

    @Override
    public int available() {
      return isSlow ? 0 : 1;
    }
  }

  /** There is nothing more to work on, and others may have the turns for long. */
  @Test
  void whoIsGoneWaitsForNoTurn() throws Exception {
    InputStream gone =
        new InputStream() {
          @Override
          public int read() {
            return -1;
          }

          @Override
          public int read(byte[] to, int offset, int length) {
            try {
              // From here on it is another's.
              Turns.Turn _ = turns.take(OTHER, soon());
            } catch (InterruptedException | TimeoutException e) {
              throw new AssertionError(e);
            }
            return -1;
          }
        };
    TurnInput in = new TurnInput(FIRST, gone, turns, CLIENT, System.nanoTime());
    in.begin();
    assertThat(in.read()).isEqualTo(FIRST);
    assertThat(in.read()).isEqualTo(-1);
    in.end();
    assertThat(isFree()).isFalse();
  }

  private TurnInput input(boolean isSlow) {
    return new TurnInput(FIRST, new Client(isSlow), turns, CLIENT, soon());
  }

  @Test
  void whileItWaitsTheTurnIsSomebodyElses() throws Exception {
    TurnInput in = input(true);
    in.begin();
    assertThat(in.read()).isEqualTo(FIRST);
    assertThat(isFree()).isFalse();
    assertThat(in.read(buffer, 0, 100)).isEqualTo(100);
    assertThat(isFree()).isFalse();
    in.end();
    assertThat(isFree()).isTrue();
  }

  @Test
  void whoSendsWithoutEndIsRefused() throws Exception {
    TurnInput in = input(false);
    in.begin();
    assertThatThrownBy(
            () -> {
              for (int i = 0; i < 100; i++) {
                int _ = in.read(buffer, 0, buffer.length);
              }
            })
        .isInstanceOf(IOException.class)
        .hasMessageContaining("TLS handshake");
    in.end();
    assertThat(isFree()).isTrue();
  }
}
