// SPDX-License-Identifier: Apache-2.0
package io.transferengine.os;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.invoke.MethodHandle;

/**
 * A second descriptor of a connected socket that somebody else closes: what is sent on it cannot
 * reach another socket that has got the number of the first one by then. The connection lives until
 * both are closed.
 *
 * <p>{@link #send} may be called by any thread, {@link #close} once, when no other call is under
 * way or comes. Linux only.
 */
@SuppressWarnings("restricted") // calls C; the descriptor is our own
public final class SocketCopy implements AutoCloseable {
  // fcntl.h, the same on x86-64 and aarch64
  private static final int F_DUPFD_CLOEXEC = 1030;

  // sys/socket.h
  private static final int MSG_DONTWAIT = 0x40;
  private static final int MSG_NOSIGNAL = 0x4000;
  private static final int SHUT_RDWR = 2;

  private static final MethodHandle SEND =
      CapturedErrno.function(
          "send", FunctionDescriptor.of(JAVA_LONG, JAVA_INT, JAVA_LONG, JAVA_LONG, JAVA_INT));
  private static final MethodHandle SHUTDOWN =
      CapturedErrno.function("shutdown", FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_INT));
  private static final MethodHandle FCNTL =
      CapturedErrno.function(
          "fcntl",
          FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_INT, JAVA_INT),
          Linker.Option.firstVariadicArg(2));

  private final int fd;

  private SocketCopy(int fd) {
    this.fd = fd;
  }

  /**
   * {@return a second descriptor of a socket}
   *
   * @throws NativeCallException if there is none left
   */
  public static SocketCopy of(int socket) {
    int fd;
    try {
      fd = (int) FCNTL.invokeExact(CapturedErrno.state(), socket, F_DUPFD_CLOEXEC, 0);
    } catch (Throwable thrown) {
      throw CapturedErrno.unexpected(thrown);
    }
    if (fd < 0) {
      throw new NativeCallException("fcntl", "F_DUPFD_CLOEXEC, fd=" + socket, CapturedErrno.get());
    }
    try {
      return new SocketCopy(fd);
    } catch (Throwable t) {
      FfmSystemCalls.SHARED.close(fd);
      throw t;
    }
  }

  /** Makes what {@link #send} needs on this thread: it may be the first time that it calls C. */
  public static void prepare() {
    var _ = CapturedErrno.state();
  }

  /**
   * Hands bytes to the kernel, without waiting for room: {@code send(2)}.
   *
   * @return how many it took; less than 0 when it took none, for whatever reason
   */
  public long send(long address, long bytes) {
    try {
      return (long)
          SEND.invokeExact(CapturedErrno.state(), fd, address, bytes, MSG_DONTWAIT | MSG_NOSIGNAL);
    } catch (Throwable thrown) {
      throw CapturedErrno.unexpected(thrown);
    }
  }

  /** From now on nothing that is sent on it leaves: {@code shutdown(2)} of both directions. */
  public void shutdown() {
    try {
      // It fails where the connection has ended already.
      int _ = (int) SHUTDOWN.invokeExact(CapturedErrno.state(), fd, SHUT_RDWR);
    } catch (Throwable thrown) {
      throw CapturedErrno.unexpected(thrown);
    }
  }

  @Override
  public void close() {
    FfmSystemCalls.SHARED.close(fd);
  }
}
