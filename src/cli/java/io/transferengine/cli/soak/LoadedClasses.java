// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.soak;

import io.transferengine.Engine;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/**
 * Loads our classes where they are files of their own, as in a build's folders: without descriptors
 * one that is needed for the first time would be missing for ever. A jar is open all the time.
 */
final class LoadedClasses {
  private static final String SUFFIX = ".class";

  private LoadedClasses() {}

  static void load() {
    waitOnce();
    for (Class<?> one : List.of(Engine.class, LoadedClasses.class)) {
      Path place = Path.of(one.getProtectionDomain().getCodeSource().getLocation().getPath());
      if (Files.isDirectory(place)) {
        loadAll(place);
      }
    }
  }

  /** What virtual threads wait for sockets with is made when the first one does, or never. */
  private static void waitOnce() {
    try (ServerSocket server = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      Thread.ofVirtual().start(() -> waitFor(server)).join();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      throw new AssertionError("Nobody knows this thread", e);
    }
  }

  private static void waitFor(ServerSocket server) {
    try (Socket client = new Socket(server.getInetAddress(), server.getLocalPort())) {
      client.setSoTimeout(1);
      int _ = client.getInputStream().read();
    } catch (IOException e) {
      // Nothing comes.
    }
  }

  private static void loadAll(Path folder) {
    try (Stream<Path> files = Files.walk(folder)) {
      files
          .map(file -> folder.relativize(file).toString())
          .filter(name -> name.endsWith(SUFFIX) && !name.contains("-"))
          .map(name -> name.substring(0, name.length() - SUFFIX.length()).replace('/', '.'))
          .forEach(LoadedClasses::load);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static void load(String name) {
    try {
      Class<?> _ = Class.forName(name, false, LoadedClasses.class.getClassLoader());
    } catch (ClassNotFoundException | LinkageError e) {
      // It needs a library that is not there.
    }
  }
}
