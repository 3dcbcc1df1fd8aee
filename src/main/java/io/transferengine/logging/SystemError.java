// SPDX-License-Identifier: Apache-2.0
package io.transferengine.logging;

import java.util.List;
import java.util.Optional;

/**
 * Tells errors of this machine from those of a peer or a service, and says what to do about them.
 * An error has the same meaning wherever it comes up, so the error decides the remedy, not the
 * place that met it.
 *
 * <p>Java passes a system error on as text only. So errors are recognized by the C library's
 * English texts. If the texts are in another language, the error is still shown, with the remedy
 * that the caller gives.
 */
public final class SystemError {
  private record Known(String text, String remedy) {}

  /** A text stands before any shorter text that it begins with. */
  private static final List<Known> OURS =
      List.of(
          new Known(
              "Too many open files in system",
              "This machine has no file descriptor left: raise fs.file-max, or end the"
                  + " processes that hold them"),
          new Known(
              "Too many open files",
              "This process has no file descriptor left: raise its limit (ulimit -n), or find out"
                  + " what stays open (ls -l /proc/PID/fd)"),
          new Known(
              "Cannot assign requested address",
              "This machine has no such address, or no port left to connect from: see ip address,"
                  + " ss -s and net.ipv4.ip_local_port_range. A link-local address needs its"
                  + " interface, as in fe80::1%eth0"),
          new Known(
              "Invalid argument",
              "This machine cannot use such an address. A link-local one needs its interface, as in"
                  + " fe80::1%eth0"),
          new Known(
              "Network is unreachable",
              "This machine has no route to that address: see ip route. Perhaps the name has an"
                  + " IPv6 address, but this machine has no IPv6"),
          new Known("Network is down", "An interface of this machine is down: see ip link"),
          new Known(
              "Address family not supported by protocol",
              "This machine has no IPv6, or no IPv4: use an address of the other kind"),
          new Known(
              "Operation not permitted",
              "A firewall or sandbox of this machine forbids it: see nft list ruleset"),
          new Known(
              "Permission denied",
              "This process lacks the permission: ports below 1024 need CAP_NET_BIND_SERVICE; or a"
                  + " firewall or sandbox of this machine forbids it"),
          new Known(
              "No buffer space available",
              "The kernel of this machine has no memory for sockets: see net.ipv4.tcp_mem and ss"
                  + " -s"),
          new Known(
              "Cannot allocate memory",
              "This machine has no memory left for the kernel: see free, and the limits of the"
                  + " container"),
          new Known(
              "Temporary failure in name resolution",
              "No name server answers this machine: see /etc/resolv.conf; or use the address"));

  private static final String ADDRESS_IN_USE = "Address already in use";

  /** No chain of causes is longer. The limit is for a chain that is a ring. */
  private static final int DEPTH_MAX = 20;

  private SystemError() {}

  /** {@return the message of the deepest cause; its class if it has no message} */
  public static String text(Throwable failure) {
    Throwable deepest = failure;
    for (int i = 0; i < DEPTH_MAX && deepest.getCause() != null; i++) {
      deepest = deepest.getCause();
    }
    String message = deepest.getMessage();
    return message == null || message.isEmpty() ? deepest.toString() : message;
  }

  /**
   * {@return the remedy for an error of this machine; empty for any other error}
   *
   * @param failure the error, or an exception that has it as a cause
   */
  public static Optional<String> remedyHere(Throwable failure) {
    String text = text(failure);
    return OURS.stream().filter(known -> text.contains(known.text)).map(Known::remedy).findFirst();
  }

  /**
   * {@return the remedy for a failure}
   *
   * @param failure the error, or an exception that has it as a cause
   * @param otherwise the remedy if it is not an error of this machine
   */
  public static String remedy(Throwable failure, String otherwise) {
    return remedyHere(failure).orElse(otherwise);
  }

  /**
   * {@return whether a listener could not be bound because its port is taken, so that another port
   * may do}
   */
  public static boolean isPortTaken(Throwable failure) {
    return text(failure).contains(ADDRESS_IN_USE);
  }
}
