//! Pickles that call functions: nothing is executed, and the error names the function.

use crate::checkpoint::archive::checkpoint;
use crate::checkpoint::pickle::Pickle;
use crate::checkpoint::{message_for, open};

/// Checks that a pickle is rejected with the name of the function that it calls.
fn check(pickle: &mut Pickle, callable: &str) {
    let expected =
        format!("`x.pt` refers to `{callable}`, which weights do not need; nothing was executed");
    assert_eq!(message_for(&checkpoint(&pickle.stop(), &[])), expected);
}

#[test]
fn rejects_names_of_code() {
    for (module, name) in [
        ("os", "system"),
        ("posix", "system"),
        ("nt", "system"),
        ("builtins", "eval"),
        ("builtins", "exec"),
        ("builtins", "getattr"),
        ("builtins", "__import__"),
        ("__builtin__", "eval"),
        ("subprocess", "Popen"),
        ("runpy", "_run_code"),
        ("importlib", "import_module"),
        ("operator", "attrgetter"),
        ("functools", "partial"),
        ("torch", "load"),
        ("torch.storage", "_load_from_bytes"),
        ("torch.hub", "load"),
        ("torch.jit", "load"),
        ("numpy.testing._private.utils", "runstring"),
        ("pickle", "loads"),
        ("webbrowser", "open"),
        ("collections", "OrderedDict.fromkeys"),
    ] {
        let full = format!("{module}.{name}");
        let mut pickle = Pickle::new();
        check(pickle.global(module, name).raw(b"(").text("touch /tmp/owned").raw(b"tR"), &full);
        // A name without a call, and a name deep within a value that is not a weight.
        check(Pickle::new().raw(b"}").text("epoch").global(module, name).raw(b"s"), &full);
        let mut pickle = Pickle::new();
        pickle.raw(b"}").text("optimizer").raw(b"]").text("x").global(module, name);
        check(pickle.raw(b")Ras"), &full);
        // Protocol 4 names a function by two texts on the stack.
        check(Pickle::new().text(module).text(name).raw(b"\x93)R"), &full);
        // A class that is instantiated.
        check(Pickle::new().global(module, name).raw(b")\x81"), &full);
    }
}

#[test]
fn escapes_control_characters_in_names() {
    check(Pickle::new().global("o\x1b[2Js", "x\ty"), "o\\u{1b}[2Js.x\\ty");
}

#[test]
fn rejects_instructions_that_checkpoints_do_not_need() {
    let check = |pickle: &mut Pickle, byte: usize, name: &str| {
        let expected = format!(
            "`x.pt` is invalid: its pickle has an instruction {name}, \
             which checkpoints do not need (byte {byte} of the pickle)"
        );
        assert_eq!(message_for(&checkpoint(&pickle.stop(), &[])), expected);
    };
    check(Pickle::new().raw(b"(").raw(b"ios\nsystem\n"), 3, "INST");
    check(Pickle::new().raw(b"(").global("collections", "OrderedDict").raw(b"o"), 28, "OBJ");
    check(Pickle::new().raw(b"Pstorage\n"), 2, "PERSID");
    check(Pickle::new().raw(b"\x82\x01"), 2, "EXT");
    check(Pickle::new().global("torch", "Size").raw(b")}\x92"), 16, "NEWOBJ_EX");
    check(Pickle::new().raw(b"\x97"), 2, "NEXT_BUFFER");
    check(Pickle::new().raw(b"S'a'\n"), 2, "of protocol 0");
}

#[test]
fn inert_classes_are_kept_as_a_name() {
    let mut pickle = Pickle::new();
    pickle.raw(b"}").text("state_dict").raw(b"}").text("w").tensor(("0", 1), 0, &[1], &[1]);
    pickle.raw(b"ss").text("args").global("argparse", "Namespace").raw(b")\x81}");
    pickle.text("lr").raw(b"K\x01sbs");
    let checkpoint = open(&checkpoint(&pickle.stop(), &[&[1.0]])).unwrap();
    let args = ("args".to_owned(), "an object `argparse.Namespace`".to_owned());
    assert_eq!(checkpoint.others(), [args]);
}

#[test]
fn rejects_setting_the_state_of_other_values() {
    let sentence = |what: &str, byte: usize| {
        format!(
            "`x.pt` is invalid: its pickle sets the state of {what} (byte {byte} of the pickle)"
        )
    };
    let check = |pickle: &mut Pickle, expected: &str| {
        assert_eq!(message_for(&checkpoint(&pickle.raw(b"}b").stop(), &[])), expected);
    };
    check(Pickle::new().raw(b"K\x05"), &sentence("5", 5));
    check(Pickle::new().raw(b")"), &sentence("a tuple of 0", 4));
    check(Pickle::new().raw(b"]"), &sentence("a list of 0", 4));
    let mut pickle = Pickle::new();
    check(
        pickle.global("torch._utils", "_rebuild_tensor_v2"),
        &sentence("the name `torch._utils._rebuild_tensor`", 36),
    );
}

#[test]
fn rejects_wrong_arguments_of_known_functions() {
    let check = |pickle: &mut Pickle, expected: &str| {
        let message = message_for(&checkpoint(&pickle.stop(), &[&[1.0]]));
        let problem = message.strip_prefix("`x.pt` is invalid: ").unwrap();
        assert_eq!(problem.split(" (byte").next().unwrap(), expected);
    };
    let rebuild = || {
        let mut pickle = Pickle::new();
        pickle.global("torch._utils", "_rebuild_tensor_v2");
        pickle
    };
    check(
        rebuild().raw(b"K\x01R"),
        "the arguments of `torch._utils._rebuild_tensor` are not a tuple",
    );
    check(
        rebuild().raw(b")R"),
        "`torch._utils._rebuild_tensor` is called with 0 arguments, or with wrong types",
    );
    check(rebuild().raw(b"(NK\x00))\x89NtR"), "a tensor has no storage or no offset");
    check(Pickle::new().raw(b"K\x07)R"), "it calls 7");
    check(
        Pickle::new().global("torch", "FloatStorage").raw(b")R"),
        "`storage of float32` is called with 0 arguments, or with wrong types",
    );
    check(Pickle::new().raw(b"K\x01Q"), "a persistent id is not a tuple");
    check(
        Pickle::new().raw(b"(").text("module").raw(b"tQ"),
        "a persistent id does not name a storage",
    );
    check(Pickle::new().storage("FloatStorage", "0", -1), "storage `0` has -1 numbers");
    check(
        Pickle::new().storage("DoubleStorage", "0", i64::MAX),
        "storage `0` has 9223372036854775807 numbers",
    );
}
