// sha256: OpenSSL computes it.
#include "breakeven/model/sha256.h"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <array>

#include "breakeven/error.h"

namespace breakeven {

std::string sha256(std::string_view bytes) {
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned length = 0;
    const int done = EVP_Digest(bytes.data(), bytes.size(), digest.data(), &length, EVP_sha256(), nullptr);
    BREAKEVEN_ASSERT(done == 1);
    std::string text;
    for (unsigned i = 0; i < length; ++i) text += fmt::format("{:02x}", digest[i]);
    return text;
}

}  // namespace breakeven
