// SPDX-License-Identifier: Apache-2.0
/** The client of etcd as a metadata service (protocol section 2), with jetcd, and nowhere else. */
package io.transferengine.metadata.etcd;
