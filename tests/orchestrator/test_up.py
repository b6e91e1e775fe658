import pytest
from django.contrib.auth import get_user_model
from django.core.management import CommandError

from orchestrator import embedded
from orchestrator.management.commands import up

pytestmark = pytest.mark.django_db


def test_the_first_start_makes_an_administrator_with_a_password_of_its_own():
    password = up.let_in(reset=False)
    admin = get_user_model().objects.get(username="admin")
    assert admin.check_password(password)
    assert admin.is_superuser and admin.is_staff
    assert password not in admin.password


def test_a_later_start_leaves_the_password_alone():
    password = up.let_in(reset=False)
    assert up.let_in(reset=False) is None
    assert get_user_model().objects.get(username="admin").check_password(password)


def test_a_reset_makes_another_password():
    first = up.let_in(reset=False)
    second = up.let_in(reset=True)
    admin = get_user_model().objects.get(username="admin")
    assert admin.check_password(second) and not admin.check_password(first)


def test_nobody_is_added_where_there_is_an_administrator():
    get_user_model().objects.create_superuser("olga")
    assert up.let_in(reset=False) is None
    assert not get_user_model().objects.filter(username="admin").exists()


def test_a_configured_broker_is_refused(settings):
    settings.BROKER_URL = "redis://broker:6379/0"
    with pytest.raises(CommandError, match="honcho start"):
        up.refuse_other_brokers()


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.7", "sagas.example.com", "::"])
def test_secrets_that_everybody_knows_are_refused_where_strangers_listen(host):
    with pytest.raises(CommandError, match="Set SECRET_KEY, API_KEY"):
        up.refuse_known_secrets(host)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1"])
def test_this_machine_may_use_the_development_secrets(host):
    up.refuse_known_secrets(host)


def test_secrets_of_ones_own_may_listen_everywhere(settings):
    settings.SECRET_KEY, settings.API_KEY = "k" * 50, "a" * 32
    up.refuse_known_secrets("0.0.0.0")
    assert up.api_key_hint() == "$API_KEY"


def test_one_data_folder_has_one_process(tmp_path):
    with (
        embedded.only_one(tmp_path),
        pytest.raises(embedded.AlreadyRunning, match=r"running already: process \d+"),
        embedded.only_one(tmp_path),
    ):
        pass


def test_the_lock_goes_with_its_holder(tmp_path):
    with embedded.only_one(tmp_path):
        pass
    with embedded.only_one(tmp_path):
        assert (tmp_path / "up.lock").read_text().strip().isdigit()
