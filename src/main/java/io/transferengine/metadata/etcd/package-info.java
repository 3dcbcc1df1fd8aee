// SPDX-License-Identifier: Apache-2.0
/** The client of etcd as a metadata service (protocol section 2). Only this package uses jetcd. */
package io.transferengine.metadata.etcd;
