// A TLS handshake with OpenSSL, for what it says when it fails: see tls_diagnosis.h.
#include "breakeven/wire/tls_diagnosis.h"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <csignal>
#include <ctime>
#include <memory>
#include <optional>

#include "breakeven/wire/resolve.h"
#include "breakeven/wire/sockets.h"

namespace breakeven {
namespace {

using Context = std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)>;
using Handshake = std::unique_ptr<SSL, decltype(&SSL_free)>;

/// OpenSSL writes in a way that raises SIGPIPE where the peer has hung up; not in this thread, while this lives.
class NoPipeSignal {
   public:
    NoPipeSignal() {
        sigemptyset(&pipe_);
        sigaddset(&pipe_, SIGPIPE);
        sigset_t pending{};
        sigpending(&pending);
        was_pending_ = sigismember(&pending, SIGPIPE) == 1;
        pthread_sigmask(SIG_BLOCK, &pipe_, &before_);
    }
    ~NoPipeSignal() {
        const timespec at_once{};
        if (!was_pending_) {
            while (sigtimedwait(&pipe_, nullptr, &at_once) == SIGPIPE) {
            }
        }
        pthread_sigmask(SIG_SETMASK, &before_, nullptr);
    }
    NoPipeSignal(const NoPipeSignal&) = delete;
    NoPipeSignal& operator=(const NoPipeSignal&) = delete;

   private:
    sigset_t pipe_{}, before_{};
    bool was_pending_ = false;
};

void set_patience(int socket, Seconds limit) {
    const auto microseconds = std::chrono::duration_cast<std::chrono::microseconds>(limit).count();
    const timeval time{.tv_sec = microseconds / 1'000'000, .tv_usec = microseconds % 1'000'000};
    (void)setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time);
    (void)setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &time, sizeof time);
}

bool is_number(const std::string& host) {
    return !resolve({.host = host, .port = "1"}, Lookup::numbers_only).empty();
}

/// Ready for SSL_connect on the socket, with HTTP/2 offered as gRPC does.
Handshake prepare(SSL_CTX* context, int socket, const std::string& host) {
    Handshake handshake(SSL_new(context), SSL_free);
    constexpr unsigned char protocols[] = {2, 'h', '2'};
    SSL_set_alpn_protos(handshake.get(), protocols, sizeof protocols);
    if (!is_number(host)) SSL_set_tlsext_host_name(handshake.get(), host.c_str());
    SSL_set_fd(handshake.get(), socket);
    return handshake;
}

std::string in_words(const SSL* handshake, const std::string& host) {
    const long verdict = SSL_get_verify_result(handshake);
    switch (verdict) {
        case X509_V_OK: break;
        case X509_V_ERR_HOSTNAME_MISMATCH:
        case X509_V_ERR_IP_ADDRESS_MISMATCH:
            return fmt::format("the server's certificate is not for '{}': ask for the name it has (--tls-name)", host);
        case X509_V_ERR_CERT_HAS_EXPIRED: return "the server's certificate has expired";
        case X509_V_ERR_CERT_NOT_YET_VALID: return "the server's certificate is not valid yet, or the clock is wrong";
        default:
            return fmt::format("the server's certificate is not trusted: {} (--tls-ca names whom to trust)",
                               X509_verify_cert_error_string(verdict));
    }
    const unsigned long error = ERR_peek_error();
    if (ERR_GET_LIB(error) == ERR_LIB_SSL && ERR_GET_REASON(error) == SSL_R_WRONG_VERSION_NUMBER) {
        return "the server does not speak TLS";
    }
    if (error == 0) return "the server hung up at the TLS handshake: it may not speak TLS";
    const char* reason = ERR_reason_error_string(error);
    return fmt::format("the TLS handshake failed: {}", reason != nullptr ? reason : "no reason given");
}

/// OpenSSL asks for a certificate when the server does; where none is shown, it goes on without.
int note_question(SSL*, void* was_asked) {
    *static_cast<bool*>(was_asked) = true;
    return 1;
}

/// What is wrong with the certificate that the server asked for.
std::string about_own_certificate(const SecurityOptions& options) {
    return options.certificate_file.empty()
               ? "the server asks for a certificate: name yours with --tls-cert and --tls-key"
               : "the server does not take the certificate shown with --tls-cert";
}

/// With TLS 1.3 a server looks at the client's certificate after the client thinks that all is well.
std::optional<std::string> refused_afterwards(SSL* handshake) {
    char byte = 0;
    if (SSL_read(handshake, &byte, 1) > 0) return std::nullopt;  // its HTTP/2 settings
    const unsigned long error = ERR_peek_error();
    if (error == 0) return std::nullopt;
    const char* reason = ERR_reason_error_string(error);
    return fmt::format("the server ended the TLS connection: {}", reason != nullptr ? reason : "without reason");
}

}  // namespace

std::optional<std::string> diagnose_tls(const std::string& address, const SecurityOptions& options, Seconds limit) {
    Outcome<OwnedSocket> connected = connect_to(address, limit);
    const auto* socket = std::get_if<OwnedSocket>(&connected);
    if (socket == nullptr) return std::nullopt;
    set_patience(socket->number(), limit);
    const NoPipeSignal quiet;
    ERR_clear_error();
    const Context context(SSL_CTX_new(TLS_client_method()), SSL_CTX_free);
    if (options.authorities_file.empty()) {
        SSL_CTX_set_default_verify_paths(context.get());
    } else {
        SSL_CTX_load_verify_locations(context.get(), options.authorities_file.c_str(), nullptr);
    }
    if (!options.certificate_file.empty()) {
        SSL_CTX_use_certificate_chain_file(context.get(), options.certificate_file.c_str());
        SSL_CTX_use_PrivateKey_file(context.get(), options.key_file.c_str(), SSL_FILETYPE_PEM);
    }
    SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
    bool was_asked = false;
    SSL_CTX_set_cert_cb(context.get(), note_question, &was_asked);
    const std::string host = options.server_name.empty() ? split_address(address).host : options.server_name;
    const Handshake handshake = prepare(context.get(), socket->number(), host);
    if (is_number(host)) {
        X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(handshake.get()), host.c_str());
    } else {
        SSL_set1_host(handshake.get(), host.c_str());
    }
    ERR_clear_error();
    std::optional<std::string> found;
    if (SSL_connect(handshake.get()) == 1) {
        found = refused_afterwards(handshake.get());
        if (found && was_asked) found = about_own_certificate(options);
    } else {
        found = in_words(handshake.get(), host);
    }
    ERR_clear_error();
    return found;
}

bool speaks_tls(const std::string& address, Seconds limit) {
    Outcome<OwnedSocket> connected = connect_to(address, limit);
    const auto* socket = std::get_if<OwnedSocket>(&connected);
    if (socket == nullptr) return false;
    set_patience(socket->number(), limit);
    const NoPipeSignal quiet;
    const Context context(SSL_CTX_new(TLS_client_method()), SSL_CTX_free);
    const Handshake handshake = prepare(context.get(), socket->number(), split_address(address).host);
    const bool speaks = SSL_connect(handshake.get()) == 1;
    ERR_clear_error();
    return speaks;
}

}  // namespace breakeven
