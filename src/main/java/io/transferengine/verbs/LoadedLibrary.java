// SPDX-License-Identifier: Apache-2.0
package io.transferengine.verbs;

/**
 * Which file the process really uses.
 *
 * @param path the file, links resolved
 * @param version what follows {@code .so.} in its name, such as {@code 1.14.44.0}: ABI, minor
 *     version and the version of rdma-core; empty when the name has none
 */
public record LoadedLibrary(String path, String version) {}
