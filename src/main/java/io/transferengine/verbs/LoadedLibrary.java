// SPDX-License-Identifier: Apache-2.0
package io.transferengine.verbs;

/**
 * The library file that the process uses.
 *
 * @param path the file, with links resolved
 * @param version the part after {@code .so.} in its name, such as {@code 1.14.44.0}: ABI, minor
 *     version and the version of rdma-core; empty if the name has none
 */
public record LoadedLibrary(String path, String version) {}
