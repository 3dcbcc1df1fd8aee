// SPDX-License-Identifier: Apache-2.0
/** {@code certs}: certificates to try TLS with. */
package io.transferengine.cli.certs;
