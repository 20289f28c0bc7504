// The Python module breakeven._core: Session with numpy arrays in and out. Errors become breakeven.Error; the GIL is
// free while an inference runs.
#include <dlfcn.h>
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/filesystem.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "breakeven/error.h"
#include "breakeven/session/session.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace breakeven {
namespace {

using Array = nb::ndarray<nb::ro, nb::c_contig, nb::device::cpu>;

struct TypePair {
    DType ours;
    nb::dlpack::dtype theirs;
};

template <class T>
constexpr TypePair pair(DType ours) {
    return {ours, nb::dtype<T>()};
}

constexpr nb::dlpack::dtype half{static_cast<std::uint8_t>(nb::dlpack::dtype_code::Float), 16, 1};

constexpr std::array<TypePair, 12> types{{pair<bool>(DType::boolean),
                                          pair<std::uint8_t>(DType::uint8),
                                          pair<std::int8_t>(DType::int8),
                                          pair<std::uint16_t>(DType::uint16),
                                          pair<std::int16_t>(DType::int16),
                                          pair<std::uint32_t>(DType::uint32),
                                          pair<std::int32_t>(DType::int32),
                                          pair<std::uint64_t>(DType::uint64),
                                          pair<std::int64_t>(DType::int64),
                                          pair<float>(DType::float32),
                                          pair<double>(DType::float64),
                                          {DType::float16, half}}};

/// Keeps a Python object alive; released from any thread.
std::shared_ptr<const void> keep(nb::object object) {
    return {new nb::object(std::move(object)), [](const nb::object* kept) {
                const nb::gil_scoped_acquire gil;
                delete kept;
            }};
}

/// The array's own memory.
Tensor tensor_of(nb::handle object, const TensorSpec& spec) {
    Array array;
    if (!nb::try_cast(object, array)) {
        throw Error(ErrorKind::input, "read input '" + spec.name + "'", "it is not a numpy array of numbers");
    }
    Shape shape;
    for (std::size_t d = 0; d < array.ndim(); ++d) shape.push_back(static_cast<std::int64_t>(array.shape(d)));
    for (const TypePair& type : types) {
        if (type.theirs != array.dtype()) continue;
        auto* data = static_cast<std::byte*>(const_cast<void*>(array.data()));
        const std::size_t size = array.nbytes();
        return Tensor(type.ours, std::move(shape), {data, size}, keep(nb::cast(std::move(array))));
    }
    throw Error(ErrorKind::input, "read input '" + spec.name + "'", "its element type is none that networks take");
}

/// By name, in order, or the only one.
std::vector<Tensor> tensors_of(const Session& session, nb::handle inputs) {
    const std::vector<TensorSpec>& specs = session.inputs();
    std::vector<Tensor> tensors;
    if (nb::isinstance<nb::dict>(inputs)) {
        const auto named = nb::borrow<nb::dict>(inputs);
        for (const TensorSpec& spec : specs) {
            if (!named.contains(spec.name.c_str())) {
                throw Error(ErrorKind::input, "read the inputs", "'" + spec.name + "' is missing");
            }
            tensors.push_back(tensor_of(named[spec.name.c_str()], spec));
        }
        if (named.size() != specs.size()) {
            throw Error(ErrorKind::input, "read the inputs", "there are more than the network has");
        }
    } else if (nb::isinstance<nb::list>(inputs) || nb::isinstance<nb::tuple>(inputs)) {
        const auto listed = nb::borrow<nb::sequence>(inputs);
        if (nb::len(listed) != specs.size()) {
            throw Error(ErrorKind::input, "read the inputs",
                        "the network takes " + std::to_string(specs.size()) + " of them");
        }
        for (std::size_t i = 0; i < specs.size(); ++i) tensors.push_back(tensor_of(listed[i], specs[i]));
    } else if (specs.size() == 1) {
        tensors.push_back(tensor_of(inputs, specs.front()));
    } else {
        throw Error(ErrorKind::input, "read the inputs", "the network takes several: give a dict by name");
    }
    return tensors;
}

/// A numpy array over the tensor's memory.
nb::object array_of(const Tensor& tensor) {
    for (const TypePair& type : types) {
        if (type.ours != tensor.dtype()) continue;
        auto kept = std::make_unique<Tensor>(tensor);
        std::vector<std::size_t> shape(kept->shape().begin(), kept->shape().end());
        void* data = kept->mutable_bytes().data();
        const nb::capsule owner(kept.release(), [](void* held) noexcept { delete static_cast<const Tensor*>(held); });
        return nb::cast(nb::ndarray<nb::numpy>(data, shape.size(), shape.data(), owner, nullptr, type.theirs));
    }
    throw Error(ErrorKind::unsupported, "return an output", "numpy has no such element type");
}

/// Inferred, with its outputs by name.
struct PythonInferred {
    Inferred result;
    nb::dict outputs;
};

PythonInferred python_result(const std::vector<TensorSpec>& specs, Inferred result) {
    PythonInferred named{.result = std::move(result), .outputs = {}};
    for (std::size_t i = 0; i < specs.size(); ++i) {
        named.outputs[specs[i].name.c_str()] = array_of(named.result.outputs[i]);
    }
    return named;
}

/// Where pip put ONNX Runtime: beside this module. Empty where it lies elsewhere.
std::vector<std::filesystem::path> engine_beside() {
    Dl_info self{};
    std::vector<std::filesystem::path> found;
    if (dladdr(reinterpret_cast<const void*>(&engine_beside), &self) == 0) return found;
    std::error_code ignored;
    for (const auto& entry :
         std::filesystem::directory_iterator(std::filesystem::path(self.dli_fname).parent_path(), ignored)) {
        if (entry.path().filename().string().starts_with("libonnxruntime.so")) found.push_back(entry.path());
    }
    return found;
}

RawInput raw_input_of(bool may_leave) {
    return may_leave ? RawInput::may_leave : RawInput::stays_here;
}

/// A session that Python's threads share. Its end waits for threads that need the GIL, so whoever ends it lets go.
using Shared = std::shared_ptr<Session>;

Shared shared(Session session) {
    return {new Session(std::move(session)), [](const Session* ending) {
                if (PyGILState_Check() == 0) {
                    delete ending;
                    return;
                }
                const nb::gil_scoped_release free;
                delete ending;
            }};
}

nb::object infer_async(const Shared& session, nb::handle inputs) {
    nb::object future = nb::module_::import_("concurrent.futures").attr("Future")();
    std::vector<Tensor> tensors = tensors_of(*session, inputs);
    auto kept = std::make_shared<nb::object>(future);
    const nb::gil_scoped_release free;
    // The callback must not own the session: it would be the session's own thread that ends it.
    session->infer_async(
        std::move(tensors), [outputs = session->outputs(), kept = std::move(kept)](std::future<Inferred> done) mutable {
            const nb::gil_scoped_acquire gil;
            try {
                kept->attr("set_result")(nb::cast(python_result(outputs, done.get())));
            } catch (const std::exception& error) {
                kept->attr("set_exception")(nb::module_::import_("breakeven").attr("Error")(error.what()));
            }
            kept.reset();
        });
    return future;
}

class PythonSession {
   public:
    PythonSession(const std::filesystem::path& model, const SessionOptions& options)
        : session_([&] {
              const nb::gil_scoped_release free;
              return shared(Session::open(model, options));
          }()) {}

    const Shared& open() const {
        if (session_ == nullptr) throw Error(ErrorKind::usage, "use the session", "it was closed");
        return session_;
    }
    PythonInferred infer(nb::handle inputs) {
        const Shared session = open();
        const std::vector<Tensor> tensors = tensors_of(*session, inputs);
        Inferred result = [&] {
            const nb::gil_scoped_release free;
            return session->infer(tensors);
        }();
        return python_result(session->outputs(), std::move(result));
    }
    void close() { session_.reset(); }

   private:
    Shared session_;
};

void bind_values(nb::module_& module) {
    nb::class_<TensorSpec>(module, "TensorSpec", "An input or output of the network")
        .def_prop_ro("name", [](const TensorSpec& spec) { return spec.name; })
        .def_prop_ro(
            "dtype", [](const TensorSpec& spec) { return std::string(name(spec.dtype)); }, "As numpy spells it")
        .def_prop_ro(
            "shape", [](const TensorSpec& spec) { return spec.shape; }, "-1 where a dimension is open")
        .def("__repr__", [](const TensorSpec& spec) {
            return spec.name + ": " + std::string(name(spec.dtype)) + " " + to_text(spec.shape);
        });
    nb::class_<PythonInferred>(module, "Inferred", "One inference, done")
        .def_prop_ro(
            "outputs", [](const PythonInferred& inferred) { return inferred.outputs; },
            nb::sig("def outputs(self) -> dict[str, numpy.ndarray]"), "The outputs by name")
        .def_prop_ro(
            "where", [](const PythonInferred& i) { return std::string(name(i.result.where)); },
            "'device', 'server' or 'both'")
        .def_prop_ro("plan", [](const PythonInferred& i) { return i.result.plan; })
        .def_prop_ro("why", [](const PythonInferred& i) { return i.result.why; })
        .def_prop_ro("total_s", [](const PythonInferred& i) { return i.result.took.total.count(); })
        .def_prop_ro("device_s", [](const PythonInferred& i) { return i.result.took.device.count(); })
        .def_prop_ro("network_s", [](const PythonInferred& i) { return i.result.took.network.count(); })
        .def_prop_ro("queue_s", [](const PythonInferred& i) { return i.result.took.queue.count(); })
        .def_prop_ro("server_s", [](const PythonInferred& i) { return i.result.took.server.count(); })
        .def_prop_ro("expected_s", [](const PythonInferred& i) { return i.result.expected.count(); })
        .def_prop_ro("hedged", [](const PythonInferred& i) { return i.result.hedged; })
        .def_prop_ro(
            "failure", [](const PythonInferred& i) { return i.result.failure; },
            "Why the server failed; empty when it did not")
        .def_prop_ro("in_time", [](const PythonInferred& i) { return i.result.in_time; });
    nb::class_<SessionCounters>(module, "Counters", "Since the session was opened")
        .def_ro("inferences", &SessionCounters::inferences)
        .def_ro("answered_here", &SessionCounters::answered_here)
        .def_ro("answered_there", &SessionCounters::answered_there)
        .def_ro("hedged", &SessionCounters::hedged)
        .def_ro("hedges_won", &SessionCounters::hedges_won)
        .def_ro("rescued", &SessionCounters::rescued)
        .def_ro("lost", &SessionCounters::lost)
        .def_ro("late", &SessionCounters::late)
        .def_ro("refused", &SessionCounters::refused)
        .def_ro("garbage", &SessionCounters::garbage)
        .def_ro("breaker_opened", &SessionCounters::breaker_opened)
        .def_ro("probes", &SessionCounters::probes)
        .def_ro("deadlines_missed", &SessionCounters::deadlines_missed)
        .def_prop_ro("bytes_up", [](const SessionCounters& c) { return c.up.count(); })
        .def_prop_ro("bytes_down", [](const SessionCounters& c) { return c.down.count(); });
    nb::class_<SessionOutlook>(module, "Outlook", "What the session knows of link and server now")
        .def_ro("server_ready", &SessionOutlook::server_ready)
        .def_ro("server_state", &SessionOutlook::server_state)
        .def_ro("device_slowness", &SessionOutlook::device_slowness)
        .def_prop_ro("up_bytes_per_s", [](const SessionOutlook& o) { return o.up.in(bytes_per_second); })
        .def_prop_ro("round_trip_s", [](const SessionOutlook& o) { return o.round_trip.count(); });
}

void bind_session(nb::module_& module) {
    nb::class_<PythonSession>(module, "Session",
                              "A network that runs, for each inference, where it is best at that moment. May be used "
                              "from many threads; the answer always comes, at worst from this device.")
        .def(
            "__init__",
            [](PythonSession* self, const std::filesystem::path& model, std::string server,
               std::optional<double> deadline, bool raw_input_may_leave, const std::string& policy,
               std::string platform, double hedge_share, std::string plans, std::size_t splits, double open_within,
               double answer_within, bool keep_warm, std::string congestion_control, bool tls,
               std::string authorities_file, std::string certificate_file, std::string key_file, std::string token_file,
               bool plain_text_anywhere) {
                SessionOptions options;
                options.server = std::move(server);
                if (deadline) options.deadline = Seconds(*deadline);
                options.raw_input = raw_input_of(raw_input_may_leave);
                options.policy = parse_session_policy(policy);
                options.platform = std::move(platform);
                options.hedge_share = hedge_share;
                options.plans = std::move(plans);
                options.splits = splits;
                options.open_within = Seconds(open_within);
                options.answer_within = Seconds(answer_within);
                options.connection =
                    keep_warm ? SessionOptions::Connection::kept_warm : SessionOptions::Connection::as_it_is;
                options.congestion_control = std::move(congestion_control);
                if (tls) options.security.encryption = SecurityOptions::Encryption::tls;
                options.security.authorities_file = std::move(authorities_file);
                options.security.certificate_file = std::move(certificate_file);
                options.security.key_file = std::move(key_file);
                if (!token_file.empty()) options.security.token = read_token(token_file);
                if (plain_text_anywhere) options.security.plain_text = SecurityOptions::PlainText::anywhere;
                if (std::getenv("BREAKEVEN_ONNXRUNTIME") == nullptr) options.onnxruntime = engine_beside();
                new (self) PythonSession(model, options);
            },
            "model"_a, nb::kw_only(), "server"_a = "", "deadline"_a = nb::none(), "raw_input_may_leave"_a = true,
            "policy"_a = "adaptive", "platform"_a = "cpu:1", "hedge_share"_a = 0.08, "plans"_a = "", "splits"_a = 2,
            "open_within"_a = 10.0, "answer_within"_a = 10.0, "keep_warm"_a = true, "congestion_control"_a = "",
            "tls"_a = false, "authorities_file"_a = "", "certificate_file"_a = "", "key_file"_a = "",
            "token_file"_a = "", "plain_text_anywhere"_a = false,
            "Opens an .onnx or packed file. Times are in seconds. Raises Error for a network that cannot run on this "
            "device; a server that is absent is no error.")
        .def_prop_ro("inputs", [](const PythonSession& s) { return s.open()->inputs(); })
        .def_prop_ro("outputs", [](const PythonSession& s) { return s.open()->outputs(); })
        .def("infer", &PythonSession::infer, "inputs"_a,
             nb::sig("def infer(self, inputs: numpy.ndarray | dict[str, numpy.ndarray] | list[numpy.ndarray]) -> "
                     "Inferred"),
             "One inference; the arrays are read where they lie. Raises Error for arrays that do not fit, never "
             "because of a server.")
        .def(
            "infer_async", [](const PythonSession& s, nb::handle inputs) { return infer_async(s.open(), inputs); },
            "inputs"_a,
            nb::sig("def infer_async(self, inputs: numpy.ndarray | dict[str, numpy.ndarray] | list[numpy.ndarray]) "
                    "-> concurrent.futures.Future[Inferred]"),
            "The same without waiting; do not write to the arrays before it is done.")
        .def_prop_ro("counters", [](const PythonSession& s) { return s.open()->counters(); })
        .def_prop_ro("outlook", [](const PythonSession& s) { return s.open()->outlook(); })
        .def_prop_ro(
            "plans", [](const PythonSession& s) { return s.open()->plans(); },
            "The plans it chooses among now, by name")
        .def(
            "plans_text", [](const PythonSession& s) { return s.open()->plans_text(); },
            "The same with their figures, as the JSON text that `plans=` takes")
        .def("close", &PythonSession::close, "Cancels what is under way on the server, waits for what runs here")
        .def("__enter__", [](nb::object self) { return self; })
        .def("__exit__", [](PythonSession& s, nb::args) { s.close(); });
}

}  // namespace
}  // namespace breakeven

NB_MODULE(_core, module) {
    module.attr("__version__") = BREAKEVEN_VERSION;
    nb::exception<breakeven::Error>(module, "Error", PyExc_RuntimeError);
    breakeven::bind_values(module);
    breakeven::bind_session(module);
}
