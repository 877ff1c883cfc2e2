"""Checks of hvac_run.py on keys that come and go; hvac itself has no call for an import, so those are raw requests."""

import base64

from hvac.exceptions import InvalidPath, InvalidRequest

from checks import raises
from hvac_kinds import CONTEXT, MESSAGE, SYMMETRIC, key, signed
from key_material import encrypted, made, public_pem, same, wrap

SIGNING = ("rsa-2048", "ecdsa-p256", "ecdsa-p384", "ecdsa-p521", "ed25519")


def wrapping_pem(run):
    return run.client.adapter.get("/v1/transit/wrapping_key")["data"]["public_key"]


def bring(run, name, body, verb="import"):
    """Imports what the body has."""
    answer = run.client.adapter.post(f"/v1/transit/keys/{name}/{verb}", json=body)
    assert answer.status_code == 204


def bring_wrapped(run, name, secret, verb="import", **options):
    bring(run, name, {"ciphertext": wrap(secret, wrapping_pem(run)), **options}, verb)


def end(run, name):
    run.transit.update_key_configuration(name, deletion_allowed=True)
    run.transit.delete_key(name)


def exported(run, name, what, version=None):
    return run.transit.export_key(name, what, version)["data"]["keys"]


def an_imported_key_encrypts_and_is_exported_as_it_came(run):
    for kind in (*SYMMETRIC, "aes128-gcm96", "xchacha20-poly1305"):
        first, second = made(kind), made(kind)
        bring_wrapped(run, "in", first, type=kind, exportable=True)
        before = run.transit.encrypt_data("in", plaintext=MESSAGE)["data"]["ciphertext"]
        bring_wrapped(run, "in", second, "import_version")
        after = run.transit.encrypt_data("in", plaintext=MESSAGE)["data"]["ciphertext"]
        assert (before.split(":")[1], after.split(":")[1]) == ("v1", "v2")
        for text in (before, after):
            assert run.transit.decrypt_data("in", text)["data"]["plaintext"] == MESSAGE
        keys = exported(run, "in", "encryption-key")
        assert same(keys["1"], first) and same(keys["2"], second)
        end(run, "in")


def an_imported_signer_signs_as_its_key_outside_does(run):
    for kind in SIGNING:
        secret = made(kind)
        bring_wrapped(run, "in", secret, type=kind, exportable=True)
        bring(run, "half", {"public_key": public_pem(secret), "type": kind})
        signature = run.transit.sign_data("in", MESSAGE)["data"]["signature"]
        for name in ("in", "half"):
            for message, valid in ((MESSAGE, True), (CONTEXT, False)):
                checked = run.transit.verify_signed_data(name, message, signature=signature)["data"]["valid"]
                assert checked is valid
        if kind == "ed25519":
            secret.public_key().verify(signed(signature), base64.b64decode(MESSAGE))
        assert same(exported(run, "in", "signing-key", "latest")["1"], secret)
        assert run.client.adapter.get("/v1/transit/export/public-key/in")["data"]["keys"]["1"].strip() == (
            run.key("in")["keys"]["1"]["public_key"].strip()
        )
        for name in ("in", "half"):
            end(run, name)


def what_was_encrypted_for_an_rsa_key_before_its_import_opens_after_it(run):
    secret = made("rsa-2048")
    before = encrypted("rsa-2048", secret, base64.b64decode(MESSAGE))
    bring_wrapped(run, "in", secret, type="rsa-2048")
    assert run.transit.decrypt_data("in", before)["data"]["plaintext"] == MESSAGE
    end(run, "in")


def a_key_wrapped_for_another_server_is_imported_there(run):
    """What byok-export wraps, the wrapping key of the importing server opens: here the two are one."""
    bring(run, "there", {"public_key": wrapping_pem(run), "type": "rsa-4096"})
    with key(run, "source", key_type="ecdsa-p256", exportable=True):
        wrapped = run.client.adapter.get("/v1/transit/byok-export/there/source")["data"]["keys"]["1"]
        bring(run, "arrived", {"ciphertext": wrapped, "type": "ecdsa-p256"})
        signature = run.transit.sign_data("arrived", MESSAGE)["data"]["signature"]
        assert run.transit.verify_signed_data("source", MESSAGE, signature=signature)["data"]["valid"] is True
    for name in ("there", "arrived"):
        end(run, name)


def public_halves_of_archived_versions_are_exported(run):
    with key(run, "turned", key_type="ecdsa-p256"):
        first = run.key("turned")["keys"]["1"]["public_key"].strip()
        run.transit.rotate_key("turned")
        for lowest in (2, 1):
            run.transit.update_key_configuration("turned", min_decryption_version=lowest)
        keys = run.client.adapter.get("/v1/transit/export/public-key/turned")["data"]["keys"]
        assert (sorted(keys), keys["1"].strip()) == (["1", "2"], first)


def a_key_that_is_not_exportable_stays(run):
    with key(run, "stays"):
        raises(InvalidRequest, run.transit.export_key, "stays", "encryption-key")
    raises(InvalidPath, run.transit.export_key, "nothing", "encryption-key")


def a_backup_brings_a_deleted_key_back(run):
    run.transit.create_key("kept", exportable=True, allow_plaintext_backup=True)
    ciphertext = run.transit.encrypt_data("kept", plaintext=MESSAGE)["data"]["ciphertext"]
    run.transit.rotate_key("kept")
    backup = run.transit.backup_key("kept")["data"]["backup"]
    end(run, "kept")
    raises(InvalidRequest, run.transit.decrypt_data, "kept", ciphertext)
    assert run.transit.restore_key(backup, name="kept").status_code == 204
    assert run.transit.decrypt_data("kept", ciphertext)["data"]["plaintext"] == MESSAGE
    assert run.key("kept")["latest_version"] == 2
    assert run.transit.restore_key(backup, name="kept", force=True).status_code == 204
    end(run, "kept")


ALL = (
    an_imported_key_encrypts_and_is_exported_as_it_came,
    an_imported_signer_signs_as_its_key_outside_does,
    what_was_encrypted_for_an_rsa_key_before_its_import_opens_after_it,
    a_key_wrapped_for_another_server_is_imported_there,
    public_halves_of_archived_versions_are_exported,
    a_key_that_is_not_exportable_stays,
    a_backup_brings_a_deleted_key_back,
)
