// SPDX-License-Identifier: Apache-2.0
package io.transferengine.net;

import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * Asks the system for the addresses of a host, with a time-out, which the system's own call has
 * not: it runs on a thread that is left behind if it takes longer. Stateless.
 */
public final class Resolver {
  private Resolver() {}

  /**
   * {@return the addresses of a host, one at least} If the host is an address already, nobody is
   * asked and no thread is started.
   *
   * @param millis how long the system may take
   * @throws UnknownHostException if the system knows none; its message is the system's
   * @throws TimeoutException if it took longer
   */
  public static InetAddress[] addresses(String host, long millis)
      throws UnknownHostException, TimeoutException, InterruptedException {
    try {
      return new InetAddress[] {InetAddress.ofLiteral(host)};
    } catch (IllegalArgumentException name) {
      return ask(host, millis);
    }
  }

  private static InetAddress[] ask(String host, long millis)
      throws UnknownHostException, TimeoutException, InterruptedException {
    FutureTask<InetAddress[]> answer = new FutureTask<>(() -> InetAddress.getAllByName(host));
    var _ = WaitingThreads.start("te-resolve", answer);
    try {
      return answer.get(millis, TimeUnit.MILLISECONDS);
    } catch (ExecutionException e) {
      if (e.getCause() instanceof UnknownHostException unknown) {
        throw unknown;
      }
      var failed = new UnknownHostException(String.valueOf(e.getCause()));
      failed.initCause(e.getCause());
      throw failed;
    }
  }
}
