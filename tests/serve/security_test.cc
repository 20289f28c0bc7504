// Who may read along and who either end is: what is asked for is enforced, and what is wrong is said in words.
#include "breakeven/serve/security.h"

#include <gtest/gtest.h>

#include <fstream>
#include <future>
#include <optional>
#include <string>

#include "fakes/certificates.h"
#include "serve/world.h"

namespace breakeven {
namespace {

using fakes::Authority;
using fakes::Pair;
using fakes::World;

ServerOptions with(ServerSecurity security) {
    ServerOptions options;
    options.security = std::move(security);
    return options;
}

ServerSecurity showing(const Pair& pair) {
    ServerSecurity security;
    security.certificate_file = pair.certificate;
    security.key_file = pair.key;
    return security;
}

SecurityOptions believing(const Authority& authority) {
    SecurityOptions security;
    security.encryption = SecurityOptions::Encryption::tls;
    security.authorities_file = authority.file();
    return security;
}

ClientOptions with(SecurityOptions security) {
    ClientOptions options;
    options.security = std::move(security);
    return options;
}

Request bytes_request() {
    return {.model = "same",
            .version = {},
            .id = {},
            .parameters = {},
            .inputs = {{"x", Tensor(DType::uint8, {100'000})}},
            .outputs = {}};
}

/// Serves "same" and tells where.
std::string start(World& world) {
    world.serve("same", fakes::identity({{"x", DType::uint8, {-1}}}));
    world.start();
    return world.address;
}

/// Empty when the call was answered, else why not.
std::string reason_of(const Outcome<InferReply>& outcome) {
    if (const auto* refused = std::get_if<Refused>(&outcome)) return refused->reason;
    if (const auto* lost = std::get_if<Lost>(&outcome)) return lost->reason;
    return std::holds_alternative<Late>(outcome) ? "late" : "";
}

std::string reason_with(const std::string& address, const SecurityOptions& security) {
    Client client(address, with(security));
    return reason_of(client.infer(bytes_request()));
}

testing::AssertionResult says(const std::string& text, const std::string& part) {
    if (text.find(part) != std::string::npos) return testing::AssertionSuccess();
    return testing::AssertionFailure() << "'" << text << "' does not say '" << part << "'";
}

TEST(Tls, ACallIsAnsweredAndItsConnectionKnown) {
    Authority authority;
    World world(with(showing(authority.issue({}))));
    const std::string address = start(world);
    Client client(address, with(believing(authority)));
    EXPECT_EQ(reason_of(client.infer(bytes_request())), "");
    const std::optional<TcpFacts> facts = client.tcp();
    ASSERT_TRUE(facts.has_value());
    EXPECT_GT(facts->acked, Bytes(100'000));

    std::promise<Outcome<InferReply>> promise;
    const auto call = client.start(bytes_request(), {}, [&](auto outcome) { promise.set_value(std::move(outcome)); });
    EXPECT_EQ(reason_of(promise.get_future().get()), "");
    EXPECT_TRUE(call->progress().all_acknowledged.has_value());
}

TEST(Tls, AnotherAuthorityIsNotBelieved) {
    Authority authority, another("another");
    World world(with(showing(authority.issue({}))));
    EXPECT_TRUE(says(reason_with(start(world), believing(another)), "not trusted"));
}

TEST(Tls, AnExpiredCertificateIsToldApart) {
    Authority authority;
    World world(with(showing(
        authority.issue({.name = "old", .alternatives = "IP:127.0.0.1", .validity = Authority::Validity::expired}))));
    EXPECT_TRUE(says(reason_with(start(world), believing(authority)), "the server's certificate has expired"));
}

TEST(Tls, ACertificateForAnotherNameIsRefusedUnlessThatNameIsAskedFor) {
    Authority authority;
    World world(with(showing(
        authority.issue({.name = "edge", .alternatives = "DNS:edge.example", .validity = Authority::Validity::now}))));
    const std::string address = start(world);
    SecurityOptions security = believing(authority);
    EXPECT_TRUE(says(reason_with(address, security), "is not for '127.0.0.1'"));
    security.server_name = "edge.example";
    EXPECT_EQ(reason_with(address, security), "");
}

TEST(Tls, AServerWithoutTlsIsToldApart) {
    Authority authority;
    World world;
    EXPECT_TRUE(says(reason_with(start(world), believing(authority)), "does not speak TLS"));
}

TEST(Tls, AClientWithoutTlsIsToldToUseIt) {
    Authority authority;
    World world(with(showing(authority.issue({}))));
    EXPECT_TRUE(says(reason_with(start(world), {}), "the server speaks TLS"));
}

TEST(Tls, ClientsShowACertificateWhereTheServerAsksForOne) {
    Authority authority, clients("clients"), strangers("strangers");
    ServerSecurity server = showing(authority.issue({}));
    server.client_authorities_file = clients.file();
    World world(with(server));
    const std::string address = start(world);
    SecurityOptions security = believing(authority);
    EXPECT_TRUE(says(reason_with(address, security), "asks for a certificate"));
    const auto show = [&](const Pair& pair) {
        security.certificate_file = pair.certificate;
        security.key_file = pair.key;
    };
    show(strangers.issue({.name = "stranger", .alternatives = "", .validity = Authority::Validity::now}));
    EXPECT_TRUE(says(reason_with(address, security), "does not take the certificate"));
    show(clients.issue({.name = "camera-7", .alternatives = "", .validity = Authority::Validity::now}));
    EXPECT_EQ(reason_with(address, security), "");
}

TEST(Tls, FilesThatDoNotBelongTogetherAreRefusedAtOnce) {
    Authority authority;
    const Pair one = authority.issue({.name = "one", .alternatives = "IP:127.0.0.1", .validity = {}});
    const Pair two = authority.issue({.name = "two", .alternatives = "IP:127.0.0.1", .validity = {}});
    World world(with(showing({.certificate = one.certificate, .key = two.key})));
    EXPECT_THROW(world.start(), Error);
    World no_key(with(showing({.certificate = one.certificate, .key = ""})));
    EXPECT_THROW(no_key.start(), Error);
    World no_certificate(with(showing({.certificate = one.key, .key = one.key})));
    EXPECT_THROW(no_certificate.start(), Error);
    SecurityOptions security = believing(authority);
    security.certificate_file = one.certificate;
    EXPECT_THROW(Client("127.0.0.1:1", with(security)), Error);
    security.key_file = two.key;
    EXPECT_THROW(Client("127.0.0.1:1", with(security)), Error);
    security = believing(authority);
    security.authorities_file = "/dev/null/nowhere.pem";
    EXPECT_THROW(Client("127.0.0.1:1", with(security)), Error);
}

TEST(Token, OnlyWhoShowsItIsServed) {
    ServerSecurity server;
    server.token = "correct-horse";
    World world(with(server));
    const std::string address = start(world);
    SecurityOptions security;
    EXPECT_TRUE(says(reason_with(address, security), "asks for a token"));
    security.token = "correct-horsf";
    EXPECT_TRUE(says(reason_with(address, security), "not this server's"));
    security.token = "correct-hors";
    EXPECT_TRUE(says(reason_with(address, security), "not this server's"));
    security.token = "correct-horse";
    EXPECT_EQ(reason_with(address, security), "");

    Client stranger(address);
    const Outcome<ServerDescription> described = stranger.describe_server();
    ASSERT_TRUE(std::holds_alternative<Refused>(described));
    EXPECT_EQ(std::get<Refused>(described).kind, ErrorKind::usage);
    EXPECT_EQ(world.engine.runs, 1);
}

TEST(Token, IsReadFromTheFirstLineOfAFile) {
    const fakes::Folder folder;
    const auto with_text = [&](const std::string& text) {
        std::ofstream(folder.file("token")) << text;
        return folder.file("token");
    };
    EXPECT_EQ(read_token(with_text("secret\n")), "secret");
    EXPECT_EQ(read_token(with_text("secret\r\nmore")), "secret");
    for (const std::string& bad : {std::string(), std::string("\n"), std::string("two words"), std::string(5000, 'x'),
                                   std::string("\x01"), std::string("\xc3\xa4")}) {
        EXPECT_THROW(read_token(with_text(bad)), Error) << bad;
    }
    EXPECT_THROW(read_token(folder.file("none")), Error);
}

TEST(PlainText, LeavesThisMachineOnlyWhereItIsAllowed) {
    ClientOptions options;
    options.connect_timeout = Seconds(0.05);
    Client careful("192.0.2.1:8001", options);
    const auto outcome = careful.infer(bytes_request());
    ASSERT_TRUE(std::holds_alternative<Refused>(outcome));
    EXPECT_EQ(std::get<Refused>(outcome).kind, ErrorKind::usage);
    EXPECT_TRUE(says(std::get<Refused>(outcome).reason, "--plain"));

    options.security.plain_text = SecurityOptions::PlainText::anywhere;
    Client allowed("192.0.2.1:8001", options);
    EXPECT_FALSE(std::holds_alternative<Refused>(allowed.infer(bytes_request())));

    options.security.token = "secret";
    Client with_token("192.0.2.1:8001", options);
    EXPECT_TRUE(says(reason_of(with_token.infer(bytes_request())), "a token would travel readable"));
}

TEST(PlainText, IsServedToOtherMachinesOnlyWhereItIsAllowed) {
    const auto listening = [](const std::string& host, ServerSecurity security) {
        try {
            check_listening(host + ":0", host, security);
            return std::string();
        } catch (const Error& error) {
            return std::string(error.what());
        }
    };
    const ServerSecurity careful;
    ServerSecurity allowed;
    allowed.plain_text = ServerSecurity::PlainText::anywhere;
    for (const char* here : {"127.0.0.1", "127.8.9.1", "localhost", "::1"}) EXPECT_EQ(listening(here, careful), "");
    for (const char* open : {"0.0.0.0", "::", "192.0.2.1"}) {
        EXPECT_TRUE(says(listening(open, careful), "--plain")) << open;
        EXPECT_EQ(listening(open, allowed), "");
    }
    allowed.token = "secret";
    EXPECT_TRUE(says(listening("0.0.0.0", allowed), "a token would travel readable"));
    EXPECT_EQ(listening("127.0.0.1", allowed), "");
    allowed.client_authorities_file = "clients.pem";
    EXPECT_TRUE(says(listening("127.0.0.1", allowed), "with TLS only"));
}

}  // namespace
}  // namespace breakeven
