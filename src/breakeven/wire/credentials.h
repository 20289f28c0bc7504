// SecurityOptions as gRPC wants them. Internal to wire/ and serve/: gRPC's types.
#pragma once

#include <grpcpp/security/credentials.h>

#include <memory>
#include <string>

#include "breakeven/wire/security.h"

namespace breakeven {

/// Null for plain text. Throws Error{input} for files that cannot be read or are not what they should be.
std::shared_ptr<grpc::ChannelCredentials> channel_credentials(const SecurityOptions& options);

/// Certificates or a key as text, looked at: `what` says for the error which file it is.
std::string read_certificates(const std::string& file, const std::string& what);
std::string read_key(const std::string& file, const std::string& what);

struct CertificateAndKey {
    std::string certificate, key;  ///< in PEM form
};
/// Both files, which go together and belong together. Throws Error{usage} where one is missing, {input} where they do
/// not belong together.
CertificateAndKey read_certificate_and_key(const std::string& certificate_file, const std::string& key_file);

}  // namespace breakeven
