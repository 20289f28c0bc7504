// Certificates made on the spot, as PEM files in a folder that goes with them: an authority, and what it signs.
#pragma once

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>

namespace breakeven::fakes {

/// A temporary folder.
class Folder {
   public:
    Folder() {
        std::string name = (std::filesystem::temp_directory_path() / "breakeven-XXXXXX").string();
        if (mkdtemp(name.data()) == nullptr) std::abort();
        path_ = name;
    }
    ~Folder() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
    std::string file(const std::string& name) const { return path_ / name; }

   private:
    std::filesystem::path path_;
};

/// The files of one certificate and its key.
struct Pair {
    std::string certificate, key;
};

class Authority {
   public:
    enum class Validity { now, expired };
    struct Subject {
        std::string name = "127.0.0.1";  ///< the file's, too
        std::string alternatives = "IP:127.0.0.1";
        Validity validity = Validity::now;
    };

    explicit Authority(const std::string& name = "authority") : key_(EVP_EC_gen("P-256")) {
        certificate_ = make({.name = name, .alternatives = "", .validity = Validity::now}, key_.get());
        write_certificate(folder_.file(name + ".pem"));
        file_ = folder_.file(name + ".pem");
    }
    const std::string& file() const { return file_; }

    Pair issue(const Subject& subject) {
        const Key key(EVP_EC_gen("P-256"));
        const Certificate certificate = make(subject, key.get());
        const Pair pair{.certificate = folder_.file(subject.name + ".pem"), .key = folder_.file(subject.name + ".key")};
        write(pair.certificate, [&](FILE* to) { return PEM_write_X509(to, certificate.get()); });
        write(pair.key,
              [&](FILE* to) { return PEM_write_PrivateKey(to, key.get(), nullptr, nullptr, 0, nullptr, nullptr); });
        return pair;
    }

   private:
    struct Free {
        void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
        void operator()(X509* certificate) const { X509_free(certificate); }
    };
    using Key = std::unique_ptr<EVP_PKEY, Free>;
    using Certificate = std::unique_ptr<X509, Free>;

    static void extend(X509* certificate, X509* issuer, int kind, const std::string& value) {
        X509V3_CTX context;
        X509V3_set_ctx_nodb(&context);
        X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
        X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, kind, value.c_str());
        if (extension == nullptr) std::abort();
        X509_add_ext(certificate, extension, -1);
        X509_EXTENSION_free(extension);
    }

    Certificate make(const Subject& subject, EVP_PKEY* key) {
        constexpr long day = 24 * 60 * 60;
        Certificate made(X509_new());
        X509* issuer = certificate_ ? certificate_.get() : made.get();
        X509_set_version(made.get(), 2);
        ASN1_INTEGER_set(X509_get_serialNumber(made.get()), ++serial_);
        X509_gmtime_adj(X509_getm_notBefore(made.get()), -10 * day);
        X509_gmtime_adj(X509_getm_notAfter(made.get()), subject.validity == Validity::now ? 10 * day : -day);
        X509_set_pubkey(made.get(), key);
        X509_NAME_add_entry_by_txt(X509_get_subject_name(made.get()), "CN", MBSTRING_ASC,
                                   reinterpret_cast<const unsigned char*>(subject.name.c_str()), -1, -1, 0);
        X509_set_issuer_name(made.get(), X509_get_subject_name(issuer));
        if (!certificate_) extend(made.get(), issuer, NID_basic_constraints, "critical,CA:TRUE");
        if (!subject.alternatives.empty()) extend(made.get(), issuer, NID_subject_alt_name, subject.alternatives);
        if (X509_sign(made.get(), key_.get(), EVP_sha256()) == 0) std::abort();
        return made;
    }

    template <class Put>
    static void write(const std::string& file, const Put& put) {
        FILE* to = std::fopen(file.c_str(), "w");
        if (to == nullptr || put(to) != 1 || std::fclose(to) != 0) std::abort();
    }
    void write_certificate(const std::string& file) {
        write(file, [&](FILE* to) { return PEM_write_X509(to, certificate_.get()); });
    }

    Folder folder_;
    long serial_ = 0;
    Key key_;
    Certificate certificate_;
    std::string file_;
};

}  // namespace breakeven::fakes
