// SPDX-License-Identifier: Apache-2.0
package io.transferengine.tls;

import static io.transferengine.fuzz.Oracle.require;
import static io.transferengine.fuzz.Oracle.requireRefusal;

import io.transferengine.fuzz.FuzzTarget;
import io.transferengine.fuzz.InputFile;
import io.transferengine.fuzz.Oracle;
import io.transferengine.transfer.ConfigurationException;
import io.transferengine.transfer.ErrorCode;
import java.io.IOException;
import java.net.InetAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.cert.X509Certificate;
import java.util.List;

/** Files with certificates and keys, and the lists of names and addresses beside them. */
public final class TlsFilesFuzz implements FuzzTarget {
  /** The JDK's parsers, and a refusal with its stack. */
  private static final long HEAP_BYTES = 2 << 20;

  private static final long HEAP_BYTES_PER_BYTE = 200;
  private static final String OPTION = "TE_TLS_CERT";

  private final InputFile file = new InputFile();

  @Override
  public void run(byte[] input) throws IOException {
    Path written = file.with(input);
    long heapBytes = HEAP_BYTES + HEAP_BYTES_PER_BYTE * input.length;
    boolean _ = Oracle.frugally(heapBytes, () -> isRead(() -> certificates(written)));
    boolean _ =
        Oracle.frugally(
            heapBytes, () -> isRead(() -> PemFiles.privateKey(OPTION, written.toString())));
    String text = new String(input, StandardCharsets.UTF_8);
    boolean _ = Oracle.frugally(heapBytes, () -> isRead(() -> addresses(text)));
    List<String> names = PeerNames.list(text);
    // A name that is listed is allowed, unless it stands for several.
    for (String name : names) {
      require(
          name.startsWith("*.") || PeerNames.anyAllowed(List.of(name), names),
          () -> name + " is not allowed by " + names);
    }
  }

  private static boolean isRead(Runnable reading) {
    try {
      reading.run();
      return true;
    } catch (ConfigurationException e) {
      requireRefusal(e, ErrorCode.INVALID_ARGUMENT);
      return false;
    }
  }

  private static void certificates(Path file) {
    List<X509Certificate> read = PemFiles.certificates(OPTION, file.toString());
    require(!read.isEmpty(), "no certificate was accepted");
    for (X509Certificate certificate : read) {
      var _ = PeerNames.of(certificate);
    }
  }

  private static void addresses(String text) {
    AddressList list = AddressList.parse(OPTION, text);
    for (String entry : list.texts()) {
      String first = entry.indexOf('/') < 0 ? entry : entry.substring(0, entry.indexOf('/'));
      require(list.contains(InetAddress.ofLiteral(first)), () -> entry + " is not in " + text);
    }
  }

  @Override
  public void close() throws IOException {
    file.close();
  }
}
