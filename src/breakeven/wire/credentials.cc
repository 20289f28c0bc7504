// Files with certificates, keys and tokens, and gRPC's credentials made of them: see credentials.h.
#include "breakeven/wire/credentials.h"

#include <fmt/format.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include <algorithm>
#include <filesystem>

#include "breakeven/error.h"
#include "breakeven/files/files.h"

namespace breakeven {
namespace {

/// No list of authorities is longer; the system's is 200 kB.
constexpr Bytes file_max{4 << 20};

/// Where the systems that we know keep the authorities that they trust.
constexpr const char* system_authorities[] = {"/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt",
                                              "/etc/ssl/cert.pem"};

std::string attempt(const std::string& what, const std::string& file) {
    return fmt::format("read the {} '{}'", what, file);
}

}  // namespace

namespace {

using Source = std::unique_ptr<BIO, decltype(&BIO_free)>;
using Certificate = std::unique_ptr<X509, decltype(&X509_free)>;
using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;

Source source_of(const std::string& text) {
    return {BIO_new_mem_buf(text.data(), static_cast<int>(text.size())), BIO_free};
}

/// The first of a text; null where there is none.
Certificate certificate_in(const std::string& text) {
    const Source source = source_of(text);
    Certificate first(PEM_read_bio_X509(source.get(), nullptr, nullptr, nullptr), X509_free);
    ERR_clear_error();
    return first;
}

Key key_in(const std::string& text) {
    const Source source = source_of(text);
    char no_password[] = "";  // or else OpenSSL would ask at the terminal
    Key key(PEM_read_bio_PrivateKey(source.get(), nullptr, nullptr, no_password), EVP_PKEY_free);
    ERR_clear_error();
    return key;
}

}  // namespace

std::string read_certificates(const std::string& file, const std::string& what) {
    std::string text = read_file(file, file_max);
    if (!certificate_in(text)) {
        throw Error(ErrorKind::input, attempt(what, file), "there is no certificate in PEM form in it");
    }
    return text;
}

std::string read_key(const std::string& file, const std::string& what) {
    std::string text = read_file(file, file_max);
    if (!key_in(text)) {
        throw Error(ErrorKind::input, attempt(what, file), "there is no key in PEM form without a password in it");
    }
    return text;
}

CertificateAndKey read_certificate_and_key(const std::string& certificate_file, const std::string& key_file) {
    if (certificate_file.empty() || key_file.empty()) {
        throw Error(ErrorKind::usage, "use TLS", "a certificate and its key go together: give both files or none");
    }
    CertificateAndKey own{.certificate = read_certificates(certificate_file, "certificate"),
                          .key = read_key(key_file, "key")};
    const bool belongs = X509_check_private_key(certificate_in(own.certificate).get(), key_in(own.key).get()) == 1;
    ERR_clear_error();
    if (!belongs) {
        throw Error(ErrorKind::input, attempt("key", key_file),
                    fmt::format("it is not the key of the certificate '{}'", certificate_file));
    }
    return own;
}

namespace {

std::string checked(std::string token, const std::string& attempt) {
    const bool printable = std::all_of(token.begin(), token.end(), [](char c) { return c > ' ' && c <= '~'; });
    constexpr std::size_t token_max = 4096;  // gRPC bounds all headers of a call to 8 KiB
    if (token.empty() || !printable || token.size() > token_max) {
        throw Error(ErrorKind::input, attempt,
                    fmt::format("it must be 1 to {} printable characters without spaces", token_max));
    }
    return token;
}

}  // namespace

std::string check_token(std::string token) {
    return checked(std::move(token), "read the token");
}

std::string read_token(const std::string& file) {
    std::string text = read_file(file, file_max);
    text.resize(std::min(text.size(), text.find('\n')));
    if (text.ends_with('\r')) text.pop_back();
    return checked(std::move(text), attempt("token in", file));
}

std::shared_ptr<grpc::ChannelCredentials> channel_credentials(const SecurityOptions& options) {
    if (options.encryption == SecurityOptions::Encryption::none) return nullptr;
    grpc::SslCredentialsOptions made;
    if (!options.authorities_file.empty()) {
        made.pem_root_certs = read_certificates(options.authorities_file, "certificates of the authorities in");
    } else {
        for (const char* file : system_authorities) {
            if (std::filesystem::exists(file)) {
                made.pem_root_certs = read_file(file, file_max);
                break;
            }
        }
        if (made.pem_root_certs.empty()) {
            throw Error(ErrorKind::usage, "use TLS",
                        "this system keeps no list of authorities; name the server's with --tls-ca FILE");
        }
    }
    if (!options.certificate_file.empty() || !options.key_file.empty()) {
        CertificateAndKey own = read_certificate_and_key(options.certificate_file, options.key_file);
        made.pem_cert_chain = std::move(own.certificate);
        made.pem_private_key = std::move(own.key);
    }
    return grpc::SslCredentials(made);
}

}  // namespace breakeven
